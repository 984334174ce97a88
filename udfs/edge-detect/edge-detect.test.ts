import { readFileSync } from 'node:fs';
import { expectPoints, type PointSource, type RunOptions, runUdf } from 'kapacitor-udf/testkit';
import { describe, expect, it } from 'vitest';
import type { Fields, FieldValue } from '../../src/model/values.js';
import { outputOf, outputOverRestart, refusal } from '../../test/support/udf-runs.js';
import edgeDetect from './edge-detect.js';

type Options = Exclude<RunOptions<(typeof edgeDetect)['options']>['options'], string | undefined>;

const second = 1_000_000_000n;

/** A point at this many seconds with this `value`; without one if it is undefined. */
function at(seconds: number, value: FieldValue | undefined, host = 'a'): PointSource {
  return pointAt(seconds, value === undefined ? { other: 1 } : { value }, host);
}

function pointAt(seconds: number, fields: Fields, host = 'a'): PointSource {
  return { name: 'm', time: BigInt(seconds) * second, tags: { host }, dimensions: ['host'], fields };
}

/** Points at 0, 1, 2, … seconds. */
function values(...given: readonly (FieldValue | undefined)[]): PointSource[] {
  return given.map((value, index) => at(index, value));
}

/** Points that come out, as seconds and fields. */
async function run(options: Options, points: readonly PointSource[]): Promise<[number, Fields][]> {
  const result = await outputOf(edgeDetect, { field: 'value', ...options }, points);
  return result.points.map(({ time, fields }) => [Number(time) / 1e9, fields]);
}

/** The seconds of the points that come out. */
async function times(options: Options, points: readonly PointSource[]): Promise<number[]> {
  return (await run(options, points)).map(([seconds]) => seconds);
}

describe('edgeDetect', () => {
  it('reduces the seventeen ADSL records to the six changes, unmodified', async () => {
    const records = readFileSync(new URL('recordings/adsl.lp', import.meta.url), 'utf8');
    const { points } = await outputOf(edgeDetect, ".field('value')", records, { groupBy: ['host'] });
    expectPoints(
      points,
      `adsl_connection,host=router1 value="SHOWTIME" 1514979051065000000
       adsl_connection,host=router1 value="TRAINING" 1514979141070000000
       adsl_connection,host=router1 value="SHOWTIME" 1514979231065000000
       adsl_connection,host=router1 value="TRAINING" 1514979681040000000
       adsl_connection,host=router1 value="SHOWTIME" 1514980041020000000
       adsl_connection,host=router1 value="TRAINING" 1514980221010000000`,
    );
  });

  it('watches each group by itself', async () => {
    const points = [
      at(0, 'A', 'one'),
      at(1, 'B', 'two'),
      at(2, 'A', 'one'),
      at(3, 'B', 'two'),
      at(4, 'B', 'one'),
    ];
    expect(await times({}, points)).toEqual([0, 1, 4]);
  });

  describe('values', () => {
    it('may be of any type', async () => {
      expect(await times({}, values(true, true, false, 'false', 'false', 0, 0.5, 0.5))).toEqual([
        0, 2, 3, 5, 6,
      ]);
    });

    it('integer 1 equals double 1.0', async () => {
      expect(await times({}, values(1n, 1, 1n, 2n, 2))).toEqual([0, 3]);
    });

    it('an integer and a double beyond 2^53 are compared exactly', async () => {
      expect(await times({}, values(2n ** 53n, 2 ** 53, 2n ** 53n + 1n, 2 ** 53))).toEqual([0, 2, 3]);
    });

    it('NaN equals itself and nothing else', async () => {
      expect(await times({}, values(NaN, NaN, 1, NaN))).toEqual([0, 2, 3]);
    });

    it('1 is neither true nor the text 1', async () => {
      expect(await times({}, values(1, true, '1', 1n))).toEqual([0, 1, 2, 3]);
    });
  });

  describe('several fields', () => {
    const pair = (seconds: number, a: FieldValue | undefined, b: FieldValue | undefined): PointSource =>
      pointAt(seconds, { ...(a !== undefined && { a }), ...(b !== undefined && { b }), other: seconds });

    it('a change in any counts', async () => {
      const points = [pair(0, 1, 'x'), pair(1, 1, 'x'), pair(2, 2, 'x'), pair(3, 2, 'y'), pair(4, 2n, 'y')];
      expect(await times({ field: ['a', 'b'] }, points)).toEqual([0, 2, 3]);
    });

    it('as and previousAs name one field for each, in order', async () => {
      const options = {
        field: ['a', 'b'],
        as: ['a_now', 'b_now'],
        previousAs: ['a_was', 'b_was'],
        countAs: 'n',
      };
      expect(await run(options, [pair(0, 1, 'x'), pair(1, 1, 'x'), pair(2, 1, 'y')])).toEqual([
        [0, { a: 1, b: 'x', other: 0, a_now: 1, b_now: 'x' }],
        [2, { a: 1, b: 'y', other: 2, a_now: 1, b_now: 'y', a_was: 1, b_was: 'x', n: 2n }],
      ]);
    });

    it('as must be given for each of them or for none', async () => {
      expect(
        await refusal(
          edgeDetect,
          ".field('a').field('b').as('now').previousAs('x').previousAs('y').previousAs('z')",
        ),
      ).toBe(
        'edgeDetect: .as() must be given once per .field() (2), got 1; ' +
          '.previousAs() must be given once per .field() (2), got 3',
      );
    });

    it('a field that a point lacks keeps its value; a point that lacks all is left out', async () => {
      const points = [
        pair(0, 1, 'x'),
        pair(1, undefined, 'x'),
        pair(2, undefined, undefined),
        pair(3, 1, undefined),
      ];
      const result = await outputOf(edgeDetect, { field: ['a', 'b'] }, points);
      expect(result.points).toHaveLength(1);
      expect(result.counters).toEqual({ missing: 1 });
    });

    it('a field that appears later is a change', async () => {
      expect(await times({ field: ['a', 'b'] }, [pair(0, 1, undefined), pair(1, 1, 'x')])).toEqual([0, 1]);
    });

    it('from and to must fit one field that changed', async () => {
      const options = { field: ['a', 'b'], from: 'up', to: 'down' };
      const points = [
        pair(0, 'up', 'up'),
        pair(1, 'down', 'up'), // a went from up to down
        pair(2, 'other', 'up'),
        pair(3, 'down', 'up'), // down it went, but not from up
        pair(4, 'up', 'down'), // b went from up to down
      ];
      expect(await times(options, points)).toEqual([1, 4]);
      // a stays down, and b goes elsewhere
      expect(
        await times({ field: ['a', 'b'], to: 'down' }, [
          pair(0, 'up', 1),
          pair(1, 'down', 1),
          pair(2, 'down', 2),
        ]),
      ).toEqual([1]);
    });

    it('a field is watched once', async () => {
      expect(await refusal(edgeDetect, ".field('a').field('a')")).toBe(
        "edgeDetect: .field('a') is given more than once",
      );
    });
  });

  describe('as, previousAs, durationAs and countAs', () => {
    const options = { as: 'now', previousAs: 'was', durationAs: 'lasted', countAs: 'points' };

    it('describe the new state and the one that ended, which the first point does not have', async () => {
      expect(await run(options, [at(0, 'A'), at(1, 'A'), at(3, 'B'), at(4, 'A')])).toEqual([
        [0, { value: 'A', now: 'A' }],
        [3, { value: 'B', now: 'B', was: 'A', lasted: 3, points: 2n }],
        [4, { value: 'A', now: 'A', was: 'B', lasted: 1, points: 1n }],
      ]);
    });

    it('durationAs counts in the unit', async () => {
      expect(await run({ durationAs: 'minutes', unit: '1m' }, [at(0, 'A'), at(90, 'B')])).toEqual([
        [0, { value: 'A' }],
        [90, { value: 'B', minutes: 1.5 }],
      ]);
    });

    it('keep the type of the state', async () => {
      expect(await run({ as: 'now', previousAs: 'was' }, values(1n, 2, true))).toEqual([
        [0, { value: 1n, now: 1n }],
        [1, { value: 2, now: 2, was: 1n }],
        [2, { value: true, now: true, was: 2 }],
      ]);
    });

    it('must name different fields', async () => {
      expect(await refusal(edgeDetect, ".field('value').as('x').countAs('x')")).toBe(
        "edgeDetect: two options write the field 'x'",
      );
    });
  });

  describe('emitFirst(FALSE)', () => {
    it('keeps the first point of each group back, and knows its state', async () => {
      const points = [at(0, 'A', 'one'), at(1, 'A', 'two'), at(2, 'B', 'one'), at(3, 'A', 'two')];
      expect(await run({ emitFirst: false, previousAs: 'was' }, points)).toEqual([
        [2, { value: 'B', was: 'A' }],
      ]);
    });
  });

  describe('from and to', () => {
    const points = values('A', 'B', 'C', 'A', 'C', 'B');

    it('let through only changes from one of these states', async () => {
      expect(await times({ from: 'A' }, points)).toEqual([1, 4]);
      expect(await times({ from: ['A', 'B'] }, points)).toEqual([1, 2, 4]);
    });

    it('let through only changes to one of these states', async () => {
      expect(await times({ to: 'B' }, points)).toEqual([1, 5]);
      expect(await times({ to: ['B', 'A'] }, points)).toEqual([0, 1, 3, 5]);
    });

    it('both must fit', async () => {
      expect(await times({ from: 'A', to: 'C' }, points)).toEqual([4]);
    });

    it('a first point has come from nowhere', async () => {
      expect(await times({ to: 'A' }, values('A'))).toEqual([0]);
      expect(await times({ to: 'A', emitFirst: false }, values('A'))).toEqual([]);
      expect(await times({ from: 'A', to: 'A' }, values('A'))).toEqual([]);
    });

    it('what they leave out is still a state: its duration and count are true', async () => {
      const options = { to: 'A', previousAs: 'was', durationAs: 'lasted', countAs: 'points' };
      expect(await run(options, values('A', 'B', 'B', 'A'))).toEqual([
        [0, { value: 'A' }],
        [3, { value: 'A', was: 'B', lasted: 2, points: 2n }],
      ]);
    });

    it('name numbers by their value and booleans as true and false', async () => {
      expect(await times({ to: '1' }, values(0, 1n, 0, 1, 0, '1', true))).toEqual([1, 3, 5]);
      expect(await times({ to: '1.50' }, values(0, 1.5))).toEqual([1]);
      expect(await times({ to: '9007199254740993' }, values(0, 2 ** 53, 2n ** 53n + 1n))).toEqual([2]);
      expect(await times({ to: 'true' }, values(false, true, 'true'))).toEqual([1, 2]);
      expect(await times({ to: 'NaN' }, values(0, NaN))).toEqual([1]);
      expect(await times({ to: ' ' }, values(1, 0, ' '))).toEqual([2]);
    });
  });

  describe('deadband', () => {
    it('a number changes only when it differs from the last emitted one by more', async () => {
      expect(await times({ deadband: 1 }, values(10, 11, 9, 11.5, 10.5, 12.6))).toEqual([0, 3, 5]);
    });

    it('does not let a slow drift go unseen', async () => {
      expect(await times({ deadband: 1 }, values(0, 0.6, 1.2, 1.8, 2.4))).toEqual([0, 2, 4]);
    });

    it('takes integers exactly, and both types together', async () => {
      expect(await times({ deadband: 1 }, values(2n ** 60n, 2n ** 60n + 1n, 2n ** 60n + 2n))).toEqual([0, 2]);
      expect(await times({ deadband: 1 }, values(1n, 2, 3n))).toEqual([0, 2]);
    });

    it('compares values that are not numbers for equality', async () => {
      expect(await times({ deadband: 5 }, values('A', 'A', 'B', 1, NaN, NaN, 1, Infinity, Infinity))).toEqual(
        [0, 2, 3, 4, 6, 7],
      );
    });
  });

  describe('above', () => {
    it('is high above the threshold and low at it', async () => {
      expect(await run({ above: 10, as: 'state' }, values(10, 9n, 11n, 12, 10))).toEqual([
        [0, { value: 10, state: 'low' }],
        [2, { value: 11n, state: 'high' }],
        [4, { value: 10, state: 'low' }],
      ]);
    });

    it('with hysteresis, turns low only so much below', async () => {
      expect(await times({ above: 10, hysteresis: 2 }, values(9, 11, 9, 8.1, 8, 9, 10, 10.1))).toEqual([
        0, 1, 4, 7,
      ]);
    });

    it('from and to name the levels, and nothing else', async () => {
      expect(await times({ above: 10, from: 'low', to: 'high' }, values(9, 11, 9, 11))).toEqual([1, 3]);
      expect(await refusal(edgeDetect, ".field('value').above(10.0).from('9').to('HIGH')")).toBe(
        "edgeDetect: .from() must be 'high' or 'low' with .above(), got '9'; " +
          ".to() must be 'high' or 'low' with .above(), got 'HIGH'",
      );
    });

    it('takes what is no number for missing', async () => {
      const result = await outputOf(
        edgeDetect,
        { field: 'value', above: 0 },
        values(1, 'high', NaN, true, 1),
      );
      expect(result.points).toHaveLength(1);
      expect(result.counters).toEqual({ missing: 3 });
    });

    it('excludes deadband, and hysteresis needs it', async () => {
      expect(await refusal(edgeDetect, ".field('value').above(1.0).deadband(1.0)")).toBe(
        'edgeDetect: .above() and .deadband() exclude each other',
      );
      expect(await refusal(edgeDetect, ".field('value').hysteresis(1.0)")).toBe(
        'edgeDetect: .hysteresis() needs .above()',
      );
    });
  });

  describe('hold', () => {
    const described = { previousAs: 'was', durationAs: 'lasted', countAs: 'points' };

    it('a new state counts once it has lasted this long, and goes out with the time it began', async () => {
      const points = [
        at(0, 'A'),
        at(10, 'B'),
        at(15, 'B'),
        at(20, 'B'),
        at(25, 'B'),
        at(30, 'A'),
        at(40, 'A'),
      ];
      expect(await run({ hold: '10s', ...described }, points)).toEqual([
        [0, { value: 'A' }],
        [10, { value: 'B', was: 'A', lasted: 10, points: 1n }],
        [30, { value: 'A', was: 'B', lasted: 20, points: 4n }],
      ]);
    });

    it('a shorter one never was: its points are the old state’s', async () => {
      const points = [at(0, 'A'), at(10, 'B'), at(15, 'B'), at(19, 'A'), at(30, 'B'), at(40, 'B')];
      expect(await run({ hold: '10s', ...described }, points)).toEqual([
        [0, { value: 'A' }],
        [30, { value: 'B', was: 'A', lasted: 30, points: 4n }],
      ]);
    });

    it('starts anew when yet another state shows', async () => {
      const points = [at(0, 'A'), at(10, 'B'), at(18, 'C'), at(26, 'C'), at(28, 'C')];
      expect(await run({ hold: '10s', ...described }, points)).toEqual([
        [0, { value: 'A' }],
        [18, { value: 'C', was: 'A', lasted: 18, points: 2n }],
      ]);
    });

    it('the first state counts at once', async () => {
      expect(await times({ hold: '10s' }, [at(0, 'A')])).toEqual([0]);
    });

    it('from and to look at the states that held', async () => {
      const points = [at(0, 'A'), at(10, 'B'), at(12, 'C'), at(22, 'C')];
      expect(await times({ hold: '10s', from: 'A', to: 'C' }, points)).toEqual([12]);
      expect(await times({ hold: '10s', from: 'B' }, points)).toEqual([]);
    });

    it('hysteresis comes before it', async () => {
      const points = [at(0, 0), at(10, 11), at(15, 9), at(20, 9)]; // 9 is still high, for it came from 11
      expect(await times({ hold: '10s', above: 10, hysteresis: 2 }, points)).toEqual([0, 10]);
    });

    it('goes by the points’ own time only: no point, no change', async () => {
      expect(await times({ hold: '1ns' }, [at(0, 'A'), at(1, 'B')])).toEqual([0]);
    });

    it('hold(0s) holds nothing back', async () => {
      expect(await times({ hold: '0s' }, values('A', 'B', 'A'))).toEqual([0, 1, 2]);
    });
  });

  describe('every', () => {
    it('repeats an unchanged state with the first point that comes this long after', async () => {
      const points = [0, 5, 10, 12, 25, 30, 35].map((seconds) => at(seconds, 'A'));
      expect(await times({ every: '10s' }, points)).toEqual([0, 10, 25, 35]);
    });

    it('a change starts it anew; a repetition says nothing of an old state', async () => {
      const options = { every: '10s', as: 'now', previousAs: 'was', countAs: 'points' };
      const points = [at(0, 'A'), at(8, 'B'), at(12, 'B'), at(18, 'B'), at(20, 'A')];
      expect(await run(options, points)).toEqual([
        [0, { value: 'A', now: 'A' }],
        [8, { value: 'B', now: 'B', was: 'A', points: 1n }],
        [18, { value: 'B', now: 'B' }],
        [20, { value: 'A', now: 'A', was: 'B', points: 3n }],
      ]);
    });

    it('does not repeat what from and to leave out', async () => {
      expect(await times({ every: '1s', to: 'B' }, values('A', 'A', 'B', 'B', 'A', 'A'))).toEqual([2, 3]);
    });

    it('repeats a first state that emitFirst(FALSE) kept back', async () => {
      expect(await times({ every: '2s', emitFirst: false }, values('A', 'A', 'A', 'A'))).toEqual([2]);
    });

    it('the deadband is measured from what was repeated', async () => {
      const points = [at(0, 10), at(10, 10.9), at(11, 11.5), at(12, 12)];
      expect(await times({ every: '10s', deadband: 1 }, points)).toEqual([0, 10, 12]);
    });

    it('does not repeat a state while another one is shown that has not held yet', async () => {
      const points = [at(0, 'A'), at(9, 'B'), at(11, 'B'), at(12, 'A'), at(13, 'A')];
      expect(await times({ every: '10s', hold: '10s' }, points)).toEqual([0, 12]);
    });
  });

  describe('onMissing', () => {
    const points = values('A', undefined, 'A', undefined, undefined, 'B');

    it("'skip' leaves such points out and counts them", async () => {
      const result = await outputOf(edgeDetect, { field: 'value', countAs: 'points' }, points);
      expect(result.points.map(({ fields }) => fields)).toEqual([{ value: 'A' }, { value: 'B', points: 2n }]);
      expect(result.counters).toEqual({ missing: 3 });
    });

    it("'change' takes it for a state of its own, which has no value to write", async () => {
      const options = { onMissing: 'change', as: 'now', previousAs: 'was', countAs: 'points' } as const;
      expect(await run(options, points)).toEqual([
        [0, { value: 'A', now: 'A' }],
        [1, { other: 1, was: 'A', points: 1n }],
        [2, { value: 'A', now: 'A', points: 1n }],
        [3, { other: 1, was: 'A', points: 1n }],
        [5, { value: 'B', now: 'B', points: 2n }],
      ]);
    });

    it("'change' may be the first state, and from and to name it ''", async () => {
      expect(await times({ onMissing: 'change' }, values(undefined, undefined, 'A'))).toEqual([0, 2]);
      expect(await times({ onMissing: 'change', to: '' }, points)).toEqual([1, 3]);
      expect(await times({ onMissing: 'change', from: '' }, points)).toEqual([2, 5]);
    });

    it("'change' with several fields: each that is missing is one", async () => {
      const pairs = [{ a: 1, b: 1 }, { a: 1 }, { a: 1 }, { b: 1 }, {}, {}, { b: 1 }].map((fields, index) =>
        pointAt(index, fields),
      );
      expect(await times({ field: ['a', 'b'], onMissing: 'change' }, pairs)).toEqual([0, 1, 3, 4, 6]);
    });

    it("'error' fails, and says which point", async () => {
      await expect(run({ onMissing: 'error' }, points)).rejects.toThrow(
        'edgeDetect: task test: the point at 1000000000 (group "host=a") has no value to watch in the field "value"',
      );
    });

    it("'error' is what the error policy takes it for", async () => {
      expect(await times({ onMissing: 'error', onError: 'drop' }, points)).toEqual([0, 5]);
    });
  });

  describe('late', () => {
    const points = [at(10, 'A'), at(20, 'A'), at(15, 'B'), at(20, 'A'), at(5, 'A', 'b'), at(30, 'B')];

    it("'drop' drops points older than the group's newest, and counts them", async () => {
      const result = await outputOf(edgeDetect, { field: 'value' }, points);
      expect(result.points.map(({ time }) => time / second)).toEqual([10n, 5n, 30n]);
      expect(result.counters).toEqual({ late: 1 });
    });

    it("'process' takes them as they come", async () => {
      const result = await outputOf(edgeDetect, { field: 'value', late: 'process' }, points);
      expect(result.points.map(({ time }) => time / second)).toEqual([10n, 15n, 20n, 5n, 30n]);
      expect(result.counters).toEqual({});
    });

    it('a late point that shows no change is counted too, and one without the field makes others late', async () => {
      const result = await outputOf(edgeDetect, { field: 'value' }, [
        at(10, 'A'),
        at(20, undefined),
        at(15, 'A'),
        at(25, 'A'),
      ]);
      expect(result.counters).toEqual({ late: 1, missing: 1 });
    });
  });

  describe('a point from the far future', () => {
    const future = [at(0, 'A'), at(1_000_000_000, 'A')];
    /** One point a minute, from the second minute on. */
    const minutes = (count: number, value: (minute: number) => FieldValue): PointSource[] =>
      Array.from({ length: count }, (_, index) => at(60 * (index + 2), value(index)));

    it('silences its group until more than maxLatePoints late points span maxLateTime', async () => {
      const result = await outputOf(
        edgeDetect,
        { field: 'value', durationAs: 'lasted', maxLatePoints: 3, maxLateTime: '5m' },
        [...future, ...minutes(10, () => 'B')],
      );
      // The sixth late point is the first to be five minutes behind the first one.
      expect(result.points.map(({ time, fields }) => [Number(time / second), fields.lasted])).toEqual([
        [0, undefined],
        [420, 420],
      ]);
      expect(result.counters).toEqual({ late: 5 });
    });

    it('needs this many late points, however long they take', async () => {
      const result = await outputOf(edgeDetect, { field: 'value', maxLatePoints: 8, maxLateTime: '1m' }, [
        ...future,
        ...minutes(10, () => 'B'),
      ]);
      expect(result.points.map(({ time }) => Number(time / second))).toEqual([0, 600]);
    });

    it('silences nobody for long with the default bounds, also after a restore, and is logged once', async () => {
      const run = await runUdf(edgeDetect, { options: ".field('value')", groupBy: ['host'] });
      await run.send(future);
      const again = await run.restart();
      const { points } = await again.send(minutes(30, (minute) => (minute < 20 ? 'B' : 'C')));
      await again.stop();
      expect(points.map(({ time, fields }) => [Number(time / second), fields.value])).toEqual([
        [720, 'B'],
        [1320, 'C'],
      ]);
      expect(again.log.filter(({ message }) => message.includes('clock is set back'))).toHaveLength(1);
    });

    it('began the state itself: the duration is counted from when the clock was set back', async () => {
      const options = { field: 'value', durationAs: 'lasted', maxLatePoints: 1, maxLateTime: '0s' };
      const points = [at(0, 'A'), at(1_000_000_000, 'B'), at(60, 'B'), at(120, 'B'), at(180, 'C')];
      const { points: out } = await outputOf(edgeDetect, options, points);
      expect(out.map(({ fields }) => fields.lasted)).toEqual([undefined, 1_000_000_000, 60]);
    });

    it('a newest point between late ones starts the count anew', async () => {
      const options = { field: 'value', maxLatePoints: 1, maxLateTime: '0s' };
      const points = [at(100, 'A'), at(50, 'B'), at(101, 'A'), at(51, 'B'), at(102, 'A'), at(52, 'B')];
      const result = await outputOf(edgeDetect, options, points);
      expect(result.counters).toEqual({ late: 3 });
    });
  });

  it('refuses outputs that would overwrite a watched field, and empty names', async () => {
    expect(await refusal(edgeDetect, ".field('value').previousAs('value')")).toBe(
      "edgeDetect: an option would overwrite the watched field 'value'; give it another name",
    );
    expect(await refusal(edgeDetect, ".field('a').field('b').as('a').as('x').countAs('b')")).toBe(
      "edgeDetect: an option would overwrite the watched field 'a'; give it another name; " +
        "an option would overwrite the watched field 'b'; give it another name",
    );
    expect(await refusal(edgeDetect, ".field('')")).toMatch(/^edgeDetect: \.field\(\) must /);
  });

  describe('after a restart', () => {
    it('continues with its state, unlike changeDetect of Kapacitor', async () => {
      const udf = await runUdf(edgeDetect, {
        options: ".field('value').durationAs('lasted').countAs('points')",
      });
      await udf.send(values('A', 'A'));
      const again = await udf.restart();
      const { points } = await again.send([at(2, 'A'), at(3, 'B')]);
      await again.stop();
      expectPoints(points, [{ fields: { value: 'B', lasted: 3, points: 3n } }]);
    });

    it.each([
      { was: ['value', 'other'], is: ['value'] },
      { was: ['value'], is: ['value', 'other'] },
      { was: ['value', 'other'], is: ['value', 'other', 'third'] },
    ])('starts a group afresh that watched another number of fields: $was, then $is', async ({ was, is }) => {
      const names = is.map((name) => `${name}_was`);
      const { points } = await outputOverRestart(
        edgeDetect,
        { field: was, hold: '1s' },
        [at(0, 'A'), at(1, 'B')],
        [at(2, 'B'), at(3, 'A'), at(4, 'A')],
        { field: is, previousAs: names, hold: '1s' },
      );
      expect(points.map(({ fields }) => fields)).toEqual([
        { value: 'A' },
        { value: 'B' },
        { value: 'A', value_was: 'B' },
      ]);
    });
  });
});
