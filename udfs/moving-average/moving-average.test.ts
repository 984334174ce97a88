import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PointSource, type RunOptions } from 'kapacitor-udf/testkit';
import type { AnyPoint } from '../../src/model/point.js';
import { exactMean, isNearly } from '../../test/support/exact-mean.js';
import type { FieldValue } from '../../src/model/values.js';
import { outputOf, outputOverRestart, refusal } from '../../test/support/udf-runs.js';
import movingAverage from './moving-average.js';

type Options = Exclude<RunOptions<(typeof movingAverage)['options']>['options'], string | undefined>;

const second = 1_000_000_000n;

function at(seconds: number, value: FieldValue | undefined, host = 'a'): PointSource {
  const fields = value === undefined ? { other: 1 } : { value };
  return { name: 'm', time: BigInt(seconds) * second, tags: { host }, dimensions: ['host'], fields };
}

/** Points at 0, 1, 2, … seconds. */
function values(...given: readonly (FieldValue | undefined)[]): PointSource[] {
  return given.map((value, index) => at(index, value));
}

/** The averages that come out. */
async function averages(options: Options, points: readonly PointSource[]): Promise<unknown[]> {
  const { points: out } = await outputOf(movingAverage, { field: 'value', ...options }, points);
  return out.map(({ fields }) => fields.avg);
}

describe('movingAverage', () => {
  describe('with size', () => {
    it('averages the last points', async () => {
      expect(await averages({ size: 3 }, values(1, 2, 3, 4, 5))).toEqual([1, 1.5, 2, 3, 4]);
    });

    it('averages each group by itself', async () => {
      const points = [at(0, 1, 'a'), at(1, 10, 'b'), at(2, 3, 'a'), at(3, 20, 'b')];
      expect(await averages({ size: 2 }, points)).toEqual([1, 10, 2, 15]);
    });

    it('takes points in the order in which they come, whatever their times', async () => {
      expect(await averages({ size: 2 }, [at(9, 1), at(5, 3), at(5, 5)])).toEqual([1, 2, 4]);
    });

    it('emitPartial(FALSE) waits until the window is full', async () => {
      expect(await averages({ size: 3, emitPartial: false }, values(1, 2, 3, 4))).toEqual([2, 3]);
    });

    it('size(1) is each point itself', async () => {
      expect(await averages({ size: 1, emitPartial: false }, values(1, 2n, 3))).toEqual([1, 2, 3]);
    });
  });

  describe('with period', () => {
    it('averages the points that are younger than it', async () => {
      const points = [at(0, 1), at(5, 2), at(9, 3), at(10, 4), at(30, 5)];
      expect(await averages({ period: '10s' }, points)).toEqual([1, 1.5, 2, 3, 5]);
    });

    it('emitPartial(FALSE) waits until the group is so old', async () => {
      const points = [at(0, 1), at(5, 2), at(9, 3), at(10, 4), at(11, 5)];
      expect(await averages({ period: '10s', emitPartial: false }, points)).toEqual([3, 3.5]);
    });

    it('takes several points of one time', async () => {
      expect(await averages({ period: '1s' }, [at(0, 1), at(0, 3), at(1, 5)])).toEqual([1, 2, 5]);
    });

    it('drops points that are older than the newest, and counts them', async () => {
      const points = [at(10, 1), at(9, 100), at(10, 3)];
      const result = await outputOf(movingAverage, { field: 'value', period: '10s' }, points);
      expect(result.points.map(({ fields }) => fields.avg)).toEqual([1, 2]);
      expect(result.counters).toEqual({ late: 1 });
    });
  });

  describe('a point from the far future', () => {
    it('counts no more once late points have gone on for longer than the bounds', async () => {
      const options = { field: 'value', period: '10m', maxLatePoints: 2, maxLateTime: '2m' } as const;
      const points = [at(0, 1), at(1_000_000_000, 100), at(60, 2), at(120, 3), at(180, 4), at(240, 6)];
      const result = await outputOf(movingAverage, options, points);
      expect(result.points.map(({ time, fields }) => [Number(time / second), fields.avg])).toEqual([
        [0, 1],
        [1_000_000_000, 100],
        [180, 4],
        [240, 5],
      ]);
      expect(result.counters).toEqual({ late: 2 });
    });
  });

  it('averages integers and doubles, the result is a double', async () => {
    expect(await averages({ size: 2 }, values(1n, 2n, 4))).toEqual([1, 1.5, 3]);
  });

  it('averages integers beyond 2^53', async () => {
    const big = 2n ** 53n + 1n;
    const small = Array.from({ length: 20 }, (_, index) => index + 0.5);
    const given = [big, big, -big, 2n ** 63n - 1n, -(2n ** 63n), ...small];
    const out = await averages({ size: 3 }, values(...given));
    for (const [index, mean] of out.entries()) {
      const window = given.slice(Math.max(0, index - 2), index + 1);
      expect(isNearly(mean as number, exactMean(window))).toBe(true);
    }
    expect(out.slice(-2)).toEqual([17.5, 18.5]);
  });

  it('as names the field, and keep(TRUE) keeps the others', async () => {
    const points = [
      { time: 1n, name: 'm', tags: { host: 'a' }, fields: { value: 2n, other: 'x', mean: 'old' } },
    ];
    const only = await outputOf(movingAverage, { field: 'value', size: 1, as: 'mean' }, points);
    expect(only.points).toMatchObject([{ time: 1n, name: 'm', tags: { host: 'a' } }]);
    expect(only.points[0]!.fields).toEqual({ mean: 2 });
    const all = await outputOf(movingAverage, { field: 'value', size: 1, as: 'mean', keep: true }, points);
    expect(all.points[0]!.fields).toEqual({ value: 2n, other: 'x', mean: 2 });
  });

  describe('onMissing', () => {
    const points = values(1, undefined, 'text', true, 3);

    it("'skip' leaves points without a number out and counts them", async () => {
      const result = await outputOf(movingAverage, { field: 'value', size: 2 }, points);
      expect(result.points.map(({ fields }) => fields.avg)).toEqual([1, 2]);
      expect(result.counters).toEqual({ missing: 3 });
    });

    it("'error' fails, and says which point", async () => {
      await expect(averages({ size: 2, onMissing: 'error' }, points)).rejects.toThrow(
        'movingAverage: task test: the point at 1000000000 (group "host=a") has no number in the field "value"',
      );
    });
  });

  describe('with options that do not fit', () => {
    it('names every problem in one message', async () => {
      expect(await refusal(movingAverage, ".field('value').size(0).sise(5)")).toBe(
        'movingAverage: .size() must be at least 1, got 0; one of .size() or .period() is required; ' +
          'unknown option .sise() (did you mean .size()?)',
      );
    });

    it('size and period exclude each other', async () => {
      expect(await refusal(movingAverage, ".field('value').size(1).period(1s)")).toBe(
        'movingAverage: .size() and .period() exclude each other',
      );
    });

    it('period must be more than nothing', async () => {
      expect(await refusal(movingAverage, ".field('value').period(0s)")).toBe(
        'movingAverage: .period() must be at least 1ns, got 0s; one of .size() or .period() is required',
      );
    });
  });

  describe('precisely', () => {
    it('forgets what has left the window, however large it was', async () => {
      expect(await averages({ size: 2 }, values(1, 1e300, 1, 2))).toEqual([1, 5e299, 5e299, 1.5]);
      expect(await averages({ size: 1 }, values(NaN, Infinity, -Infinity, 1))).toEqual([
        NaN,
        Infinity,
        -Infinity,
        1,
      ]);
    });

    it('infinities of both signs have no mean, until one has left', async () => {
      expect(await averages({ size: 2 }, values(Infinity, -Infinity, 1, 3))).toEqual([
        Infinity,
        NaN,
        -Infinity,
        2,
      ]);
    });

    it('the largest numbers do not overflow, the least are not lost', async () => {
      const most = Number.MAX_VALUE;
      expect(await averages({ size: 4 }, values(most, most, most, -most))).toEqual([
        most,
        most,
        most,
        most / 2,
      ]);
      const least = Number.MIN_VALUE;
      expect(await averages({ size: 2 }, values(least, 3 * least, -least))).toEqual([
        least,
        2 * least,
        least,
      ]);
    });

    it('is within 1e-12 of the mean of the absolute values, for any numbers', async () => {
      const number = fc.oneof(
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        fc.double({ min: -100, max: 100, noNaN: true }),
        fc.constantFrom(1e300, -1e300, 1, -1, 0, -0, 2n ** 53n + 1n),
      );
      await fc.assert(
        fc.asyncProperty(
          fc.array(number, { maxLength: 60 }),
          fc.integer({ min: 1, max: 12 }),
          async (given, size) => {
            const out = await averages({ size }, values(...given));
            expect(out).toHaveLength(given.length);
            for (const [index, mean] of out.entries()) {
              const window = given.slice(Math.max(0, index + 1 - size), index + 1);
              expect(mean).toSatisfy(
                (is: number) => isNearly(is, exactMean(window)),
                `the mean of ${window.join(', ')}`,
              );
            }
          },
        ),
        { numRuns: 200 },
      );
    });

    it('period: is the mean of the points within it, for any times', async () => {
      const steps = fc.array(
        fc.tuple(fc.integer({ min: 0, max: 6 }), fc.double({ min: -1e6, max: 1e6, noNaN: true })),
        {
          maxLength: 60,
        },
      );
      await fc.assert(
        fc.asyncProperty(steps, fc.bigInt({ min: 1n, max: 20n }), async (given, period) => {
          let time = 0n;
          const points = given.map(([step, value]) => ({
            name: 'm',
            time: (time += BigInt(step)),
            fields: { value },
          }));
          const out = await averages({ period }, points);
          expect(out).toHaveLength(points.length);
          for (const [index, mean] of out.entries()) {
            const now = points[index]!.time;
            const window = points.slice(0, index + 1).filter((point) => point.time > now - period);
            expect(isNearly(mean as number, exactMean(window.map(({ fields }) => fields.value)))).toBe(true);
          }
        }),
        { numRuns: 100 },
      );
    });
  });

  describe('after a restart', () => {
    it('continues as if it had not been restarted', async () => {
      const steps = fc.array(
        fc.tuple(fc.integer({ min: -1, max: 5 }), fc.constantFrom(1e300, 0.1, 7n, NaN, 2n ** 60n + 1n)),
      );
      const window = fc.constantFrom({ size: 3 }, { size: 9, emitPartial: false }, { period: 10n });
      await fc.assert(
        fc.asyncProperty(steps, window, fc.nat(30), async (given, options, before) => {
          let time = 0n;
          const points = given.map(([step, value]) => ({
            name: 'm',
            time: (time += BigInt(step)),
            fields: { value },
          }));
          const use = { field: 'value', ...options };
          const whole = await outputOf(movingAverage, use, points);
          const parts = [points.slice(0, before), points.slice(before)] as const;
          const cut = await outputOverRestart(movingAverage, use, ...parts);
          const content = ({ time, fields }: AnyPoint): unknown => ({ time, fields });
          expect(cut.points.map(content)).toEqual(whole.points.map(content));
        }),
        { numRuns: 100 },
      );
    });

    it.each([
      { was: { size: 4 }, is: { size: 2 }, then: 3.5 },
      { was: { size: 2 }, is: { size: 4 }, then: 3 },
      { was: { size: 4 }, is: { period: '10s' }, then: 4 },
      { was: { period: '10s' }, is: { size: 4 }, then: 4 },
      { was: { period: '10s' }, is: { period: '2s' }, then: 3.5 },
    ])('with other options uses what fits them: $was, then $is', async ({ was, is, then }) => {
      const { points } = await outputOverRestart(
        movingAverage,
        { field: 'value', ...was },
        values(1, 2, 3),
        [at(3, 4)],
        { field: 'value', ...is },
      );
      expect(points.at(-1)!.fields).toEqual({ avg: then });
    });
  });
});
