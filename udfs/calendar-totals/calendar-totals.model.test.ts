import fc from 'fast-check';
import { runUdf } from 'kapacitor-udf/testkit';
import { describe, expect, it } from 'vitest';
import type { Point } from '../../src/model/point.js';
import type { Fields } from '../../src/model/values.js';
import { bucketsOf } from '../../test/support/local-buckets.js';
import { outputOf } from '../../test/support/udf-runs.js';
import calendarTotals from './calendar-totals.js';

const minute = 60;
const nanosPerSecond = 1_000_000_000n;

interface Given {
  readonly name: string;
  readonly time: bigint;
  readonly group: string;
  readonly fields: Fields;
}

/** The hours before these are those of a change of the clock, in one of the zones. */
const changes = ['2024-03-31T00:00Z', '2024-11-03T05:00Z', '2024-04-06T14:00Z', '2024-12-31T23:00Z'].map(
  (time) => Date.parse(time) / 1000,
);
const zone = fc.constantFrom('America/New_York', 'Europe/Berlin', 'Australia/Lord_Howe', 'Asia/Kathmandu');
const by = fc.constantFrom('15m', 'hour', 'day', 'week', 'month', 'quarter', 'year');

/** Points of two groups at multiples of five minutes around a change of the clock, in any order. */
const points: fc.Arbitrary<Given[]> = fc
  .tuple(
    fc.constantFrom(...changes),
    fc.array(
      fc.tuple(
        fc.constantFrom('a', 'b'),
        fc.integer({ min: -300, max: 300 }),
        fc.integer({ min: -50, max: 50 }),
      ),
      { maxLength: 40 },
    ),
  )
  .map(([around, steps]) =>
    steps.map(([group, step, number]) => ({
      name: 'm',
      time: BigInt(around + step * 5 * minute) * nanosPerSecond,
      group,
      fields: { v: number / 4, n: BigInt(number) },
    })),
  );

const inOrder = points.map((given) => given.toSorted((a, b) => Number(a.time - b.time)));

const aggregates = {
  sum: [
    ['v', 'sum'],
    ['n', 'whole'],
  ],
  mean: ['v', 'mean'],
  min: ['v', 'min'],
  max: ['n', 'max'],
  count: ['v', 'count'],
  last: ['v', 'last'],
} as const;

interface Total {
  sum: number;
  whole: number;
  weight: number;
  min: number;
  max: number;
  count: number;
  last: { time: bigint; value: number };
}

/** The totals of a group, worked out minute by minute: which period each minute of an interval is in. */
function model(
  given: readonly Given[],
  bucket: (second: number) => string,
  { minutes, isSplit, endsAtTime }: { minutes: number; isSplit: boolean; endsAtTime: boolean },
): Map<string, Total> {
  const totals = new Map<string, Total>();
  for (const { time, fields } of given) {
    const begin = Number(time / nanosPerSecond) - (endsAtTime ? minutes * minute : 0);
    const touched = new Map<string, number>();
    for (let at = 0; at < (isSplit ? minutes : 1); at++) {
      const key = bucket(begin + at * minute);
      touched.set(key, (touched.get(key) ?? 0) + (isSplit ? 1 / minutes : 1));
    }
    for (const [key, part] of touched) {
      const [value, whole] = [fields.v as number, Number(fields.n)];
      const total = totals.get(key) ?? {
        sum: 0,
        whole: 0,
        weight: 0,
        min: Infinity,
        max: -Infinity,
        count: 0,
        last: { time: -1n, value: 0 },
      };
      total.sum += value * part;
      total.whole += whole * part;
      total.weight += part;
      total.min = Math.min(total.min, value);
      total.max = Math.max(total.max, whole);
      if (key === bucket(begin)) total.count++;
      if (time >= total.last.time) total.last = { time, value };
      totals.set(key, total);
    }
  }
  return totals;
}

const near = (value: number): number => expect.closeTo(value, 9) as number;

describe('calendarTotals, with any points and options,', () => {
  it('has the totals of a naive model in the end', async () => {
    const intervals = fc.record({
      minutes: fc.constantFrom(5, 15, 40, 180),
      isSplit: fc.boolean(),
      endsAtTime: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(points, zone, by, intervals, async (given, zoneName, period, interval) => {
        const { minutes, isSplit, endsAtTime } = interval;
        const { points: out, counters } = await outputOf(
          calendarTotals,
          {
            ...aggregates,
            by: period,
            zone: zoneName,
            interval: `${minutes}m`,
            stamp: endsAtTime ? 'end' : 'start',
            split: isSplit,
            keep: '4d',
          },
          given,
        );
        expect(counters).toEqual({});
        const bucket = bucketsOf(period, zoneName);
        for (const group of ['a', 'b']) {
          const totals = model(
            given.filter((point) => point.group === group),
            bucket,
            interval,
          );
          const newest = newestOf(
            out.filter((point) => point.group === group),
            bucket,
          );
          expect([...newest.keys()].sort()).toEqual([...totals.keys()].sort());
          for (const [key, { sum, whole, weight, min, max, count, last }] of totals) {
            expect(newest.get(key)?.fields).toMatchObject({
              sum: near(sum),
              whole: isSplit ? near(whole) : BigInt(whole),
              mean: near(sum / weight),
              min,
              max: BigInt(max),
              count: BigInt(count),
              last: last.value,
            });
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('emits each period of points in order once as a whole, except for the last', async () => {
    await fc.assert(
      fc.asyncProperty(inOrder, zone, by, async (given, zoneName, period) => {
        const options = { ...aggregates, by: period, zone: zoneName };
        const { points: out } = await outputOf(calendarTotals, options, given);
        for (const group of ['a', 'b']) {
          const own = out.filter((point) => point.group === group);
          expect(own.map(({ fields }) => [fields.partial, fields.revision])).toEqual(
            own.map((_, index) => [index === own.length - 1, 0n]),
          );
          expect(own.map(({ time }) => time)).toEqual(
            own.map(({ time }) => time).toSorted((a, b) => Number(a - b)),
          );
          newestOf(own, bucketsOf(period, zoneName));
        }
      }),
      { numRuns: 40 },
    );
  });

  it('emits the same when it is restored in between, to the bit', async () => {
    const uses = fc.record(
      {
        interval: fc.constantFrom('15m', '40m', '1500ms'),
        split: fc.constant(true),
        stamp: fc.constantFrom('start', 'end'),
        keep: fc.constantFrom('0s', '1h', '2d'),
        every: fc.constantFrom('1h', '1d'),
        maxLatePoints: fc.constantFrom(0, 3),
      },
      { requiredKeys: ['interval'] },
    );
    const traced = fc.record(
      {
        maxGap: fc.constantFrom('30m', '6h'),
        integral: fc.constant(['v', 'area'] as const),
        keep: fc.constantFrom('1h', '2d'),
      },
      { requiredKeys: ['maxGap', 'integral'] },
    );
    const use = fc.oneof(uses, traced);
    await fc.assert(
      fc.asyncProperty(
        use,
        fc.oneof(points, inOrder),
        zone,
        by,
        fc.nat(40),
        async (given, all, zoneName, period, cut) => {
          const options = { ...aggregates, ...given, by: period, zone: zoneName };
          const whole = await outputOf(calendarTotals, options, all);
          const first = await runUdf(calendarTotals, { options });
          await first.send(all.slice(0, cut));
          const before = first.points.slice();
          const snapshot = await first.snapshot();
          await first.stop();
          const second = await runUdf(calendarTotals, { options, snapshot });
          await second.send(all.slice(cut));
          const { points: after } = await second.stop();
          // At the end, groups are emitted in the order in which their first points came: that may be another one now.
          expect(contents([...before, ...after])).toEqual(contents(whole.points));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('keeps a bounded number of periods, whatever comes', async () => {
    const anyTime = fc.array(fc.integer({ min: 0, max: 2 ** 31 }), { minLength: 300, maxLength: 300 });
    const use = fc.record({ keep: fc.constantFrom('0s', '5h'), maxLatePoints: fc.constantFrom(0, 2) });
    await fc.assert(
      fc.asyncProperty(anyTime, use, async (times, given) => {
        const run = await runUdf(calendarTotals, {
          options: { by: 'hour', sum: ['v', 'sum'], maxLateTime: '0s', ...given },
        });
        await run.send([{ name: 'm', time: 0n, fields: { v: 1 } }]);
        const least = (await run.snapshot()).length;
        await run.send(
          times.map((time) => ({ name: 'm', time: BigInt(time) * nanosPerSecond, fields: { v: 1 } })),
        );
        expect((await run.snapshot()).length).toBeLessThan(least + 20 * 100);
        await run.stop();
      }),
      { numRuns: 10 },
    );
  });
});

/** The last point of each period; each must lie at its period's start. */
function newestOf(out: readonly Point[], bucket: (second: number) => string): Map<string, Point> {
  const newest = new Map<string, Point>();
  for (const point of out) {
    const start = Number(point.time / nanosPerSecond);
    const key = bucket(start);
    expect(bucket(start - 1)).not.toBe(key);
    newest.set(key, point);
  }
  return newest;
}

function contents(out: readonly Point[]): Record<string, unknown> {
  const of = (group: string): unknown =>
    out
      .filter((point) => point.group === group)
      .map(({ name, time, tags, fields }) => ({ name, time, tags, fields }));
  return { a: of('a'), b: of('b') };
}
