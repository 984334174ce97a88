import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RunOptions } from 'kapacitor-udf/testkit';
import type { FieldValue } from '../../src/model/values.js';
import { encodeRequest } from '../../src/wire/messages.js';
import { bytesThrough } from '../../test/support/bytes-through.js';
import { batchRequests, type TestBatch } from '../../test/support/udf-messages.js';
import { outputOf, refusal } from '../../test/support/udf-runs.js';
import outliers from './outliers.js';

type Options = Exclude<RunOptions<(typeof outliers)['options']>['options'], string | undefined>;

/** A batch of points at 0, 1, 2, … with these values. */
function batchOf(...values: readonly (FieldValue | undefined)[]): TestBatch {
  return {
    name: 'm',
    group: 'host=a',
    tags: { host: 'a' },
    time: 100n,
    points: values.map((value, index) => ({
      time: BigInt(index),
      group: 'host=a',
      tags: { host: 'a', n: String(index) },
      fields: value === undefined ? { other: 'x' } : { value, other: 'x' },
    })),
  };
}

/** The values that are found in a batch. */
async function found(options: Options, ...values: readonly (FieldValue | undefined)[]): Promise<unknown[]> {
  const { batches } = await outputOf(outliers, { field: 'value', ...options }, batchOf(...values));
  expect(batches).toHaveLength(1);
  return batches[0]!.points.map(({ fields }) => fields.value);
}

/** Tukey's definition, word for word. */
function naive(values: readonly number[], scale: number): number[] {
  const sorted = [...values].sort((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  if (half === 0) return [];
  const q1 = median(sorted.slice(0, half));
  const q3 = median(sorted.slice(-half));
  return values.filter((value) => value < q1 - scale * (q3 - q1) || value > q3 + scale * (q3 - q1));
}

function median(sorted: readonly number[]): number {
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The example's definition (outliers.go), word for word; `undefined` where it would read past an end. */
function example(values: readonly number[], scale: number): number[] | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const { left, right } = exampleMiddle(sorted);
  const [lower, upper] = [sorted.slice(0, right), sorted.slice(left + 1)];
  if ([sorted, lower, upper].some((half) => exampleMiddle(half).right >= half.length)) return undefined;
  const q1 = exampleMedian(lower);
  const q3 = exampleMedian(upper);
  return values.filter((value) => value < q1 - scale * (q3 - q1) || value > q3 + scale * (q3 - q1));
}

function exampleMiddle({ length }: readonly number[]): { left: number; right: number } {
  const left = Math.floor(length / 2);
  return { left, right: length % 2 === 0 ? left + 1 : left };
}

function exampleMedian(sorted: readonly number[]): number {
  const { left, right } = exampleMiddle(sorted);
  return (sorted[left]! + sorted[right]!) / 2;
}

describe('outliers', () => {
  it('emits the points far outside the quartiles, in their order', async () => {
    expect(await found({}, 100, 10, 11, 12, 13, -50, 12, 11)).toEqual([100, -50]);
  });

  describe("quartiles('example')", () => {
    it("finds what Kapacitor's example does, wherever that one does not fail", async () => {
      const batches = fc.array(fc.integer({ min: -40, max: 40 }), { minLength: 3, maxLength: 40 });
      await fc.assert(
        fc.asyncProperty(batches, fc.constantFrom(1, 1.5, 2), async (values, scale) => {
          const expected = example(values, scale);
          fc.pre(expected !== undefined);
          expect(await found({ quartiles: 'example', scale }, ...values)).toEqual(expected);
        }),
      );
    });

    it('takes more for outliers than the median of each half does, where the number is even', async () => {
      const values = [1, 1, 3, 3, 3, 4, 4, 4];
      expect(await found({}, ...values)).toEqual([]);
      expect(await found({ quartiles: 'example' }, ...values)).toEqual([1, 1]);
    });

    it('takes batches on which the example fails', async () => {
      for (const count of [0, 1, 2, 5, 6]) {
        const values = Array.from({ length: count }, (_, index) => index);
        expect(await found({ quartiles: 'example' }, ...values)).toEqual([]);
      }
    });
  });

  it('leaves the middle value out of both halves when the count is odd', async () => {
    // 0 0 4 | 5 | 6 10 22: the quartiles are 0 and 10, the upper fence 25. With 5 in both halves it would be 17.
    expect(await found({}, 0, 0, 4, 5, 6, 10, 22)).toEqual([]);
    expect(await found({}, 0, 0, 4, 5, 6, 10, 26)).toEqual([26]);
  });

  it('a value on the fence is not an outlier', async () => {
    // 0 0 0 2 | 2 2 2 x: the quartiles are 0 and 2, the fences -3 and 5.
    expect(await found({}, 0, 0, 0, 2, 2, 2, 2, 5)).toEqual([]);
    expect(await found({}, 0, 0, 0, 2, 2, 2, 2, 5.0001)).toEqual([5.0001]);
  });

  it('scale moves the fences', async () => {
    const values = [0, 0, 0, 2, 2, 2, 2, 5];
    expect(await found({ scale: 1 }, ...values)).toEqual([5]);
    expect(await found({ scale: 1.5 }, ...values)).toEqual([]);
    expect(await refusal(outliers, ".field('value').scale(0.9)")).toBe(
      'outliers: .scale() must be at least 1, got 0.9',
    );
  });

  it.each([0, 1, 2, 3, 4, 5])('a batch of %i points has none, and goes out empty', async (count) => {
    expect(await found({ scale: 1 }, ...[1, 1000, -1e6, 1e9, 0].slice(0, count))).toEqual([]);
  });

  it('six points are the fewest that can have one', async () => {
    expect(await found({}, 0, 0, 0, 0, 0, 1)).toEqual([1]);
  });

  it('takes integers and doubles together, each for what it is', async () => {
    expect(await found({}, 1n, 2, 1n, 2, 1n, 1000n)).toEqual([1000n]);
    const fence = 2n ** 53n;
    expect(await found({}, fence, fence, fence, fence, fence, fence + 1n)).toEqual([fence + 1n]);
  });

  it('sends what it found unmodified, in a batch of the same name, tags and time, with its true size', async () => {
    const batch = batchOf(1, 2, 1, 100, 2, 1, 2, -100);
    const field = { name: 'field', args: [{ type: 'string', value: 'value' }] } as const;
    const sent = await bytesThrough(outliers, [field], batchRequests(batch));
    const points = [batch.points[3]!, batch.points[7]!];
    expect(sent).toEqual(Buffer.concat(batchRequests({ ...batch, points }).map(encodeRequest)));
  });

  it('judges each batch by itself', async () => {
    const { batches } = await outputOf(outliers, { field: 'value' }, [
      batchOf(1, 1, 1, 1, 1, 50),
      batchOf(),
      batchOf(50, 50, 50, 50, 50, 1),
    ]);
    expect(batches.map(({ points }) => points.map(({ fields }) => fields.value))).toEqual([[50], [], [1]]);
  });

  it("leaves points without a number out and counts them, or fails with onMissing('error')", async () => {
    const batch = batchOf(1, undefined, 1, 'text', 1, NaN, 1, true, 1, 50);
    const result = await outputOf(outliers, { field: 'value' }, [batch]);
    expect(result.batches[0]!.points.map(({ fields }) => fields.value)).toEqual([50]);
    expect(result.counters).toEqual({ missing: 4 });
    await expect(outputOf(outliers, { field: 'value', onMissing: 'error' }, [batch])).rejects.toThrow(
      'outliers: task test: 4 of 10 points of the batch "m" (group "host=a") have no number in the field "value"',
    );
  });

  it('infinities are far out, unless they are the quartiles', async () => {
    expect(await found({}, 1, 1, 2, 2, 1, 2, Infinity, -Infinity)).toEqual([Infinity, -Infinity]);
    expect(await found({}, Infinity, Infinity, Infinity, Infinity, 1)).toEqual([]);
  });

  it('finds what the definition says, in any batch', async () => {
    const number = fc.oneof(
      fc.integer({ min: -20, max: 20 }),
      fc.double({ min: -1e6, max: 1e6, noNaN: true }),
      fc.constantFrom(1e9, -1e9),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(number, { maxLength: 25 })),
        fc.double({ min: 1, max: 3, noNaN: true }),
        async (given, scale) => {
          const { batches } = await outputOf(
            outliers,
            { field: 'value', scale },
            given.map((values) => batchOf(...values)),
          );
          const came = batches.map(({ points }) => points.map(({ fields }) => fields.value));
          expect(came).toEqual(given.map((values) => naive(values, scale)));
        },
      ),
      { numRuns: 150 },
    );
  });
});
