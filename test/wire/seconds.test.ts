import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PointHead } from '../../src/wire/point/head-writer.js';
import { LazyPoint } from '../../src/wire/point/lazy-point.js';

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const wholeSeconds = fc
  .bigInt({ min: -9_223_372_036n, max: 9_223_372_036n })
  .map((seconds) => seconds * 1_000_000_000n);

test("a point's seconds and nanoseconds are its time, exactly", () => {
  fc.assert(
    fc.property(
      fc.oneof(int64, wholeSeconds, fc.constantFrom(0n, -1n, -(2n ** 63n), 2n ** 63n - 1n)),
      (time) => {
        const point = LazyPoint.create(headAt(time), {});
        expect(BigInt(point.seconds) * 1_000_000_000n + BigInt(point.nanoseconds)).toBe(time);
        expect(point.nanoseconds).toBeGreaterThanOrEqual(0);
        expect(point.nanoseconds).toBeLessThan(1e9);
      },
    ),
    { numRuns: 2000 },
  );
});

function headAt(time: bigint): PointHead {
  return {
    time,
    name: 'm',
    database: '',
    retentionPolicy: '',
    group: '',
    dimensions: [],
    tags: {},
    byName: false,
  };
}
