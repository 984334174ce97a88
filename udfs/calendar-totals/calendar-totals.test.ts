import { expectPoints, type PointSource, type RunOptions, runUdf } from 'kapacitor-udf/testkit';
import { describe, expect, it } from 'vitest';
import type { Fields, FieldValue } from '../../src/model/values.js';
import { outputOf, refusal } from '../../test/support/udf-runs.js';
import calendarTotals from './calendar-totals.js';
import { isGroupState } from './state.js';

type Options = Exclude<RunOptions<(typeof calendarTotals)['options']>['options'], string | undefined>;

const nanos = (time: string): bigint => BigInt(Date.parse(`${time}Z`)) * 1_000_000n;

/** A point of a meter at a time of UTC. */
function at(time: string, fields: Fields, meter = 'a'): PointSource {
  return { name: 'm', time: nanos(time), tags: { meter, room: 'x' }, dimensions: ['meter'], fields };
}

const value = (time: string, given: FieldValue): PointSource => at(time, { v: given });

/** What comes out: the time in UTC to the minute, then these fields. */
type Row = readonly [time: string, ...values: readonly (FieldValue | undefined)[]];

function rows(points: readonly { time: bigint; fields: Fields }[], names: readonly string[]): Row[] {
  return points.map(({ time, fields }) => [
    new Date(Number(time / 1_000_000n)).toISOString().slice(0, 16),
    ...names.map((name) => fields[name]),
  ]);
}

async function run(
  options: Options,
  points: readonly PointSource[],
  names: readonly string[] = ['sum'],
): Promise<Row[]> {
  return rows((await outputOf(calendarTotals, { by: 'day', ...options }, points)).points, names);
}

const sum = { sum: ['v', 'sum'] } as const;
const hours = { by: 'hour', ...sum } as const;

describe('calendarTotals', () => {
  it('goes on with a state of 1.0.0', () => {
    const { migrate } = calendarTotals.handlers;
    const rest = { seconds: 1, nanos: 0, start: 0, end: 3600, revision: 0, cells: [1, 2.5, 0, 1] };
    const head = '["m","telegraf","autogen",false,["meter","room"],["a",null]]';
    const state = migrate!({ head, ...rest, others: [] }, 1);
    expect(state).toEqual({
      stream: '["m","telegraf","autogen",false,["meter","room"]]',
      tagValues: '["a",null]',
      ...rest,
      others: [],
    });
    expect(migrate!({ head: '', ...rest }, 1)).toEqual({ stream: '', tagValues: '', ...rest });
    expect(isGroupState(state)).toBe(true);
  });

  it('stores a group in 150 bytes, also once it has closed periods and late points', async () => {
    const meters = Array.from({ length: 1000 }, (_, index) => `meter-${index + 1000}`);
    const pointsAt = (time: string, of: readonly string[]): PointSource[] =>
      of.map((meter) => at(time, { v: 2.5 }, meter));
    const groups = await runUdf(calendarTotals, { options: { by: 'hour', max: ['v', 'max'], ...sum } });
    const size = async (): Promise<number> => (await groups.snapshot()).length / meters.length;
    await groups.send(pointsAt('2024-05-01T00:30', meters));
    expect(await size()).toBeLessThan(120);
    await groups.send(pointsAt('2024-05-01T01:30', meters.slice(0, 500)));
    await groups.send(pointsAt('2024-04-30T23:30', meters.slice(490, 510)));
    expect(await size()).toBeLessThan(150);
  });

  it('emits a total for each period, at its start, with the tags of the group', async () => {
    const { points } = await outputOf(
      calendarTotals,
      ".by('day').zone('europe/berlin').sum('kwh', 'kwh').max('kw', 'peak').interval(6h)",
      `meter,meter=a,room=x kwh=1i,kw=2.5 1711753200000000000
       meter,meter=a,room=x kwh=2i,kw=3.5 1711774800000000000
       meter,meter=a,room=x kwh=4i,kw=0.5 1711839600000000000`,
      { groupBy: ['meter'] },
    );
    expectPoints(
      points,
      `meter,meter=a,period=day,zone=Europe/Berlin kwh=3i,peak=3.5,expected=4i,missing=0.5,partial=false,revision=0i 1711753200000000000
       meter,meter=a,period=day,zone=Europe/Berlin kwh=4i,peak=0.5,expected=1i,missing=0,partial=true,revision=0i 1711839600000000000`,
    );
    expect(points[0]).toMatchObject({ group: 'meter=a', dimensions: ['meter'], byName: false });
  });

  it.each(['hour', 'year'] as const)(
    'takes the first and the last times that there are, by %s',
    async (by) => {
      const [first, last] = [-(2n ** 63n), 2n ** 63n - 1n];
      const points = [first, 0n, last].map((time) => ({ name: 'm', time, fields: { v: 1n } }));
      const zone = 'Europe/Berlin';
      const { points: out } = await outputOf(calendarTotals, { by, zone, closeAfter: '1m', ...sum }, points);
      expect(out.map(({ fields }) => fields.sum)).toEqual([1n, 1n, 1n]);
      expect(out[0]!.time).toBe(first); // its period begins before all times
    },
  );

  it('keeps the totals of each group by themselves', async () => {
    const points = [at('2024-05-01T10:00', { v: 1 }), at('2024-05-02T10:00', { v: 2 }, 'b')];
    const { points: out } = await outputOf(calendarTotals, { by: 'day', ...sum }, points);
    expect(out.map(({ tags, fields }) => [tags.meter, fields.sum])).toEqual([
      ['a', 1],
      ['b', 2],
    ]);
  });

  describe('aggregates', () => {
    const all: Options = {
      sum: ['v', 'sum'],
      mean: ['v', 'mean'],
      min: ['v', 'min'],
      max: ['v', 'max'],
      last: ['v', 'last'],
      count: ['v', 'count'],
    };
    const names = ['sum', 'mean', 'min', 'max', 'last', 'count'];

    it('of doubles are doubles', async () => {
      const points = [
        value('2024-05-01T01:00', 2.5),
        value('2024-05-01T02:00', -1),
        value('2024-05-01T03:00', 0),
      ];
      expect(await run(all, points, names)).toEqual([['2024-05-01T00:00', 1.5, 0.5, -1, 2.5, 0, 3n]]);
    });

    it('of integers are integers, but for the mean', async () => {
      const big = 2n ** 62n;
      const points = [
        value('2024-05-01T01:00', big),
        value('2024-05-01T02:00', 1n),
        value('2024-05-01T03:00', 3n),
      ];
      expect(await run(all, points, names)).toEqual([
        ['2024-05-01T00:00', big + 4n, Number(big + 4n) / 3, 1n, big, 3n, 3n],
      ]);
    });

    it('of integers beyond 64 bits are a double', async () => {
      const big = 2n ** 63n - 1n;
      const points = [value('2024-05-01T01:00', big), value('2024-05-01T02:00', big)];
      expect(await run(sum, points)).toEqual([['2024-05-01T00:00', 2 ** 64]]);
    });

    it('last is the newest by time, of any type, and count takes any', async () => {
      const points = [
        value('2024-05-01T01:00', 'one'),
        value('2024-05-01T03:00', true),
        value('2024-05-01T03:00', 'three'),
        value('2024-05-01T02:00', 'two'),
      ];
      const options: Options = { last: ['v', 'last'], count: ['v', 'count'] };
      expect(await run(options, points, ['last', 'count'])).toEqual([['2024-05-01T00:00', 'three', 4n]]);
    });

    it('of several fields stand in one point; what has no value is left out', async () => {
      const options: Options = {
        sum: [
          ['a', 'a'],
          ['b', 'b'],
        ],
        max: ['a', 'peak'],
        count: ['b', 'n'],
      };
      const points = [at('2024-05-01T01:00', { a: 1n }), at('2024-05-01T02:00', { a: 2n, b: 'text' })];
      expect(await run(options, points, ['a', 'b', 'peak', 'n'])).toEqual([
        ['2024-05-01T00:00', 3n, undefined, 2n, 0n],
      ]);
    });

    it('leave out NaN, infinities and points without the field, which are counted', async () => {
      const points = [
        value('2024-05-01T01:00', 1),
        value('2024-05-01T02:00', NaN),
        value('2024-05-01T03:00', Infinity),
        at('2024-05-02T04:00', { other: 1 }), // closes nothing either
      ];
      const { points: out, counters } = await outputOf(calendarTotals, { by: 'day', ...sum }, points);
      expect(rows(out, ['sum', 'partial'])).toEqual([['2024-05-01T00:00', 1, true]]);
      expect(counters).toEqual({ missing: 3 });
    });

    it('fail for a missing value if told so', async () => {
      const given = [at('2024-05-01T01:00', { other: 1 })];
      await expect(run({ ...sum, onMissing: 'error' }, given)).rejects.toThrow(
        /the point at 1714525200000000000 \(group "meter=a"\) has no finite number in the field "v"/,
      );
    });
  });

  describe('integrals', () => {
    it('of interval data are value times length', async () => {
      const points = [value('2024-05-01T00:00', 2), value('2024-05-01T00:15', 4)];
      const options: Options = { integral: ['v', 'kwh'], interval: '15m' };
      expect(await run(options, points, ['kwh', 'missing'])).toEqual([['2024-05-01T00:00', 1.5, 0]]);
      expect(await run({ ...options, unit: '1s' }, points, ['kwh'])).toEqual([['2024-05-01T00:00', 5400]]);
    });

    it('of single readings follow straight lines, divided at boundaries', async () => {
      const points = [
        value('2024-05-01T00:30', 1),
        value('2024-05-01T01:30', 3),
        value('2024-05-01T03:30', 3),
      ];
      const options: Options = { by: 'hour', integral: ['v', 'kwh'], maxGap: '3h' };
      expect(await run(options, points, ['kwh', 'missing', 'partial'])).toEqual([
        ['2024-05-01T00:00', 0.75, 0.5, false],
        ['2024-05-01T01:00', 2.75, 0, false],
        ['2024-05-01T02:00', 3, 0, false], // no point in it
        ['2024-05-01T03:00', 1.5, 0, true],
      ]);
    });

    it('have gaps where readings are too far apart', async () => {
      const points = [
        value('2024-05-01T00:00', 1),
        value('2024-05-01T00:10', 1),
        value('2024-05-01T00:40', 1),
      ];
      const options: Options = { by: 'hour', integral: ['v', 'kwh'], maxGap: '15m', unit: '1m' };
      expect(await run(options, points, ['kwh', 'missing'])).toEqual([['2024-05-01T00:00', 10, 0.75]]);
    });

    it('leave out readings that are older than the last one', async () => {
      const points = [
        value('2024-05-01T00:10', 1),
        value('2024-05-01T00:20', 1),
        value('2024-05-01T00:15', 9),
      ];
      const options = { by: 'hour', integral: ['v', 'i'], maxGap: '15m', unit: '1m' } as const;
      const { points: out, counters } = await outputOf(calendarTotals, options, points);
      expect(rows(out, ['i'])).toEqual([['2024-05-01T00:00', 10]]);
      expect(counters).toEqual({ outOfOrder: 1 });
    });
  });

  describe('an interval', () => {
    const points = [value('2024-05-01T00:00', 6), value('2024-05-01T00:40', 8)];

    it('counts where it begins', async () => {
      expect(await run({ ...hours, interval: '40m' }, points)).toEqual([['2024-05-01T00:00', 14]]);
    });

    it('may end at its point’s time', async () => {
      expect(await run({ ...hours, interval: '40m', stamp: 'end' }, points)).toEqual([
        ['2024-04-30T23:00', 6],
        ['2024-05-01T00:00', 8],
      ]);
    });

    it('of a point at the end of a period is in it', async () => {
      const given = [
        value('2024-05-01T00:45', 1),
        value('2024-05-01T01:00', 2),
        value('2024-05-01T01:15', 4),
      ];
      const expected: Row[] = [
        ['2024-05-01T00:00', 3, false],
        ['2024-05-01T01:00', 4, true],
      ];
      const names = ['sum', 'partial'];
      expect(await run({ ...hours, interval: '15m', stamp: 'end' }, given, names)).toEqual(expected);
      expect(await run({ ...hours, stamp: 'end' }, given, names)).toEqual(expected);
    });

    it('is divided in proportion', async () => {
      const options: Options = {
        ...hours,
        interval: '40m',
        split: true,
        count: ['v', 'n'],
        mean: ['v', 'mean'],
        max: ['v', 'max'],
      };
      const names = ['sum', 'n', 'mean', 'max', 'expected', 'missing'];
      expect(await run(options, points, names)).toEqual([
        ['2024-05-01T00:00', 10, 2n, expect.closeTo(10 / 1.5, 12), 8, 2n, 0],
        ['2024-05-01T01:00', 4, 0n, 8, 8, 1n, 0], // 20 minutes so far
      ]);
    });

    it('may be longer than a period', async () => {
      const options: Options = { ...hours, interval: '3h', split: true, integral: ['v', 'i'] };
      expect(await run(options, [value('2024-05-01T00:30', 6n)], ['sum', 'i', 'missing', 'partial'])).toEqual(
        [
          ['2024-05-01T00:00', 1, 3, 0.5, false],
          ['2024-05-01T01:00', 2, 6, 0, false],
          ['2024-05-01T02:00', 2, 6, 0, false],
          ['2024-05-01T03:00', 1, 3, 0, true],
        ],
      );
    });

    it('may have a fraction of a second', async () => {
      const given: PointSource[] = [
        { name: 'm', time: 59_900_000_000n, fields: { v: 4 } },
        { name: 'm', time: 60_100_000_000n, fields: { v: 8 } },
      ];
      const options: Options = { ...sum, by: '1m', interval: '200ms', split: true };
      expect(await run(options, given)).toEqual([
        ['1970-01-01T00:00', expect.closeTo(2, 6)],
        ['1970-01-01T00:01', expect.closeTo(10, 6)],
      ]);
    });
  });

  describe('emits a period', () => {
    const names = ['sum', 'partial', 'revision', 'missing'];
    const quarter: Options = { ...hours, interval: '15m' };

    it('with the first point after it, and what is open at the end', async () => {
      const start = await runUdf(calendarTotals, { options: quarter });
      const send = async (time: string, given: number): Promise<Row[]> =>
        rows((await start.send([value(time, given)])).points, names);
      expect(await send('2024-05-01T00:00', 1)).toEqual([]);
      expect(await send('2024-05-01T00:45', 1)).toEqual([]);
      expect(await send('2024-05-01T01:00', 1)).toEqual([['2024-05-01T00:00', 2, false, 0n, 0.5]]);
      const before = start.points.length;
      expect(rows((await start.stop()).points.slice(before), names)).toEqual([
        ['2024-05-01T01:00', 1, true, 0n, 0],
      ]);
    });

    it('that ends with the last interval as a whole one at the end', async () => {
      const points = [value('2024-05-01T00:45', 1)];
      expect(await run(quarter, points, names)).toEqual([['2024-05-01T00:00', 1, false, 0n, 0.75]]);
    });

    it('not at the end, if told so', async () => {
      expect(await run({ ...hours, emitAtStop: false }, [value('2024-05-01T00:00', 1)])).toEqual([]);
    });

    it('in between, every so often, as far as it has got', async () => {
      const points = ['00:00', '04:00', '06:15', '11:00', '12:00', '18:00'].map((time, index) =>
        value(`2024-05-01T${time}`, 10 ** index),
      );
      expect(await run({ ...sum, every: '6h', emitAtStop: false }, points, names)).toEqual([
        ['2024-05-01T00:00', 111, true, 0n, undefined],
        ['2024-05-01T00:00', 11111, true, 0n, undefined],
        ['2024-05-01T00:00', 111111, true, 0n, undefined],
      ]);
    });

    it('not if nothing came in it', async () => {
      const points = [value('2024-05-01T00:00', 1), value('2024-05-01T05:00', 1)];
      expect(await run(hours, points)).toEqual([
        ['2024-05-01T00:00', 1],
        ['2024-05-01T05:00', 1],
      ]);
    });
  });

  describe('by the clock', () => {
    const start = async (more: Options = {}) => {
      const run = await runUdf(calendarTotals, { options: { ...hours, closeAfter: '10m', ...more } });
      const advance = async (duration: string): Promise<Row[]> =>
        rows((await run.advance(duration)).points, ['sum', 'partial', 'revision']);
      const send = async (minutes: number, given: number): Promise<Row[]> => {
        const { points } = await run.send([
          { name: 'm', time: BigInt(minutes) * 60_000_000_000n, fields: { v: given } },
        ]);
        return rows(points, ['sum', 'partial', 'revision']);
      };
      return { run, advance, send };
    };

    it('closes a period once it is over for this long', async () => {
      const { run, advance, send } = await start();
      await run.advance('30m');
      await send(30, 1);
      expect(await advance('39m')).toEqual([]);
      expect(await advance('1m')).toEqual([['1970-01-01T00:00', 1, false, 0n]]);
      expect(await send(80, 2)).toEqual([]);
      await run.stop();
    });

    it('waits while points of the period still come', async () => {
      const { run, advance, send } = await start();
      await run.advance('65m');
      await send(30, 1); // five minutes after its end
      expect(await advance('9m')).toEqual([]);
      await send(40, 2);
      expect(await advance('9m')).toEqual([]);
      expect(await advance('2m')).toEqual([['1970-01-01T00:00', 3, false, 0n]]);
      await run.stop();
    });

    it('drops points that come after that, or takes them as corrections', async () => {
      for (const keep of ['0s', '1h']) {
        const { run, advance, send } = await start({ keep });
        await run.advance('30m');
        await send(30, 1);
        expect(await advance('40m')).toHaveLength(1);
        expect(await send(50, 2)).toEqual(keep === '0s' ? [] : [['1970-01-01T00:00', 3, false, 1n]]);
        await run.stop();
        expect(run.stats.counters).toEqual(keep === '0s' ? { late: 1 } : {});
      }
    });

    it('closes the next period that an interval has reached into', async () => {
      const { run, advance, send } = await start({ interval: '1h', split: true });
      await run.advance('30m');
      await send(30, 4);
      expect(await advance('40m')).toEqual([['1970-01-01T00:00', 2, false, 0n]]);
      expect(await advance('60m')).toEqual([['1970-01-01T01:00', 2, false, 0n]]);
      await run.stop();
    });

    it('goes on over a restart', async () => {
      const { run, send } = await start();
      await run.advance('30m');
      await send(30, 1);
      const again = await run.restart();
      const { points } = await again.advance('45m');
      expect(rows(points, ['sum'])).toEqual([['1970-01-01T00:00', 1]]);
      await again.stop();
    });
  });

  describe('a late point', () => {
    const names = ['sum', 'partial', 'revision', 'missing'];
    const points = [
      value('2024-05-01T10:00', 1),
      value('2024-05-02T10:00', 2),
      value('2024-05-01T11:00', 4),
      value('2024-04-29T11:00', 8),
      value('2024-05-01T12:00', 16),
    ];

    it('is dropped and counted', async () => {
      const { points: out, counters } = await outputOf(calendarTotals, { by: 'day', ...sum }, points);
      expect(rows(out, ['sum'])).toEqual([
        ['2024-05-01T00:00', 1],
        ['2024-05-02T00:00', 2],
      ]);
      expect(counters).toEqual({ late: 3 });
    });

    it('corrects a closed period that is kept, which is emitted again', async () => {
      const options = { by: 'day', ...sum, keep: '1d', interval: '12h' } as const;
      const { points: out, counters } = await outputOf(calendarTotals, options, points);
      expect(rows(out, names)).toEqual([
        ['2024-05-01T00:00', 1, false, 0n, 0.5],
        ['2024-05-01T00:00', 5, false, 1n, 0],
        ['2024-05-01T00:00', 21, false, 2n, 0],
        ['2024-05-02T00:00', 2, true, 0n, expect.closeTo(1 - 12 / 22, 12)],
      ]);
      expect(counters).toEqual({ late: 1 });
    });

    it('may be of a kept period that nothing came of before', async () => {
      expect(await run({ ...sum, keep: '7d' }, points, names)).toContainEqual([
        '2024-04-29T00:00',
        8,
        false,
        0n,
        undefined,
      ]);
    });

    it('that comes within its period is no late one', async () => {
      const given = [value('2024-05-01T10:00', 1), value('2024-05-01T09:00', 2)];
      const { points: out, counters } = await outputOf(calendarTotals, { by: 'day', ...sum }, given);
      expect([rows(out, ['sum']), counters]).toEqual([[['2024-05-01T00:00', 3]], {}]);
    });

    it('gives the part that is not late to the open period', async () => {
      const given = [value('2024-05-01T10:15', 1), value('2024-05-01T09:45', 4)];
      const { points: out, counters } = await outputOf(
        calendarTotals,
        { ...hours, interval: '1h', split: true },
        given,
      );
      expect(rows(out, ['sum'])).toEqual([
        ['2024-05-01T10:00', 3.75],
        ['2024-05-01T11:00', 0.25],
      ]);
      expect(counters).toEqual({ late: 1 });
    });
  });

  describe('after a point from the far future', () => {
    const days = Array.from({ length: 40 }, (_, index) =>
      value(new Date(Date.UTC(2024, 4, 1, index)).toISOString().slice(0, 16), 1),
    );

    it('continues the total that this has closed, once late points have come for long enough', async () => {
      const points = [...days.slice(0, 10), value('2035-01-01T00:00', 99), ...days.slice(10)];
      const { points: out, counters } = await outputOf(
        calendarTotals,
        { by: 'day', ...sum, maxLatePoints: 3, maxLateTime: '1h' },
        points,
      );
      expect(rows(out, ['sum', 'partial', 'revision'])).toEqual([
        ['2024-05-01T00:00', 10, false, 0n],
        ['2024-05-01T00:00', 21, false, 1n], // three were dropped
        ['2024-05-02T00:00', 16, true, 0n],
      ]);
      expect(counters).toEqual({ late: 3 });
    });

    it('does not begin an older total afresh: it would replace the right one', async () => {
      const points = [
        ...days,
        value('2024-05-03T00:00', 1),
        value('2024-05-04T00:00', 1),
        ...Array.from({ length: 100 }, (_, index) =>
          value(`2024-05-01T${String(index % 24).padStart(2, '0')}:30`, 1),
        ),
      ];
      const { points: out, counters } = await outputOf(calendarTotals, { by: 'day', ...sum }, points);
      expect(rows(out, ['sum', 'revision'])).toEqual([
        ['2024-05-01T00:00', 24, 0n],
        ['2024-05-02T00:00', 16, 0n],
        ['2024-05-03T00:00', 1, 0n],
        ['2024-05-04T00:00', 1, 0n],
      ]);
      expect(counters).toEqual({ late: 100 });
    });
  });

  it('refuses to overwrite a tag that the stream is grouped by', async () => {
    const point = { name: 'm', time: 0n, tags: { zone: 'north' }, dimensions: ['zone'], fields: { v: 1 } };
    await expect(run(sum, [point])).rejects.toThrow(
      /grouped by the tag "zone", which the totals would overwrite; give theirs another name by \.zoneTag\(\)/,
    );
    const { points } = await outputOf(calendarTotals, { by: 'day', ...sum, zoneTag: 'tz' }, [point]);
    expect(points[0]?.tags).toEqual({ zone: 'north', period: 'day', tz: 'UTC' });
  });

  describe('refuses', () => {
    it.each([
      ['', '.by() is required'],
      [".by('month')", 'one of .sum(), .mean(), .min(), .max(), .last(), .count(), .integral() is required'],
      [
        ".by('decade').sum('v', 's')",
        ".by() must be 'hour', 'day', 'week', 'month', 'quarter', 'year', or minutes that divide an hour such as '15m', got 'decade'",
      ],
      [
        ".by('7m').sum('v', 's')",
        ".by() must be 'hour', 'day', 'week', 'month', 'quarter', 'year', or minutes that divide an hour such as '15m', got '7m'",
      ],
      [
        ".by('day').sum('v', 's').zone('Europe/Berln')",
        ".zone(): the time zone 'Europe/Berln' is unknown (did you mean 'Europe/Berlin'?)",
      ],
      [
        ".by('day').sum('v', 's').zone('new york')",
        ".zone(): the time zone 'new york' is unknown (did you mean 'America/New_York'?)",
      ],
      [
        ".by('day').sum('v', 's').zone('+01:00')",
        ".zone(): the time zone '+01:00' is unknown (use an IANA name such as 'Europe/Berlin')",
      ],
      [".by('day').sum('v', 's').max('w', 's')", "two options write the field 's'"],
      [".by('day').sum('v', 'partial')", "two options write the field 'partial'"],
      [".by('day').sum('v', 'missing').interval(1h)", "two options write the field 'missing'"],
      [
        ".by('day').sum('v', 's').zoneTag('period')",
        ".periodTag() and .zoneTag() write the same tag 'period'",
      ],
      [".by('day').integral('v', 'i')", '.integral() needs .interval() or .maxGap()'],
      [
        ".by('day').integral('v', 'i').interval(1m).maxGap(1m)",
        '.interval() and .maxGap() exclude each other',
      ],
      [".by('day').sum('v', 's').maxGap(1m)", '.maxGap() needs .integral()'],
      [".by('day').sum('v', 's').split()", '.split() needs .interval()'],
      [".by('15m').sum('v', 's').keep(4w)", ".keep() may span at most 1000 periods of .by('15m'), got 4w"],
      [
        ".by('day').sum('v', 's').weekStart('funday')",
        ".weekStart() must be 'monday' or 'tuesday' or 'wednesday' or 'thursday' or 'friday' or 'saturday' or 'sunday', got 'funday'",
      ],
    ])('%s', async (options, message) => {
      expect(await refusal(calendarTotals, options)).toContain(message);
    });

    it('several mistakes in one message', async () => {
      expect(
        await refusal(calendarTotals, ".by('fortnight').zone('Mars').split().integral('v', 'i')"),
      ).toMatch(/\.by\(\) must be .*; \.zone\(\): .*; \.integral\(\) needs .*; \.split\(\) needs/);
    });
  });
});
