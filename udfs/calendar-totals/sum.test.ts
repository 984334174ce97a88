import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addDouble, addInteger, clearSum, totalOf } from './sum.js';

function sumOf(values: readonly (number | bigint)[]): number | bigint {
  const cells = [9, 9, 9, 9];
  clearSum(cells, 1, false);
  for (const value of values) {
    if (typeof value === 'bigint') addInteger(cells, 1, value);
    else addDouble(cells, 1, value);
  }
  expect(cells[0]).toBe(9);
  return totalOf(cells, 1);
}

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });

describe('a sum', () => {
  it('of integers is exact, and an integer as long as it fits 64 bits', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(int64, fc.bigInt({ min: -(2n ** 53n), max: 2n ** 53n }))), (values) => {
        const exact = values.reduce((sum, value) => sum + value, 0n);
        expect(sumOf(values)).toBe(BigInt.asIntN(64, exact) === exact ? exact : Number(exact));
      }),
    );
  });

  it('of many doubles does not drift', () => {
    expect(sumOf(new Array<number>(1_000_000).fill(0.1))).toBe(100_000);
    expect(sumOf([1e16, 1, -1e16])).toBe(1);
  });

  it('of integers and doubles loses nothing of the integers', () => {
    fc.assert(
      fc.property(fc.array(int64, { minLength: 1, maxLength: 20 }), fc.nat(), (values, place) => {
        const mixed: (number | bigint)[] = [...values];
        mixed.splice(place % (values.length + 1), 0, 0.5, -0.5);
        const exact = values.reduce((sum, value) => sum + value, 0n);
        // Each term of a compensated sum is within 2^-100 of the whole.
        expect(Number(sumOf(mixed)) - Number(exact)).toBeLessThanOrEqual(Math.abs(Number(exact)) * 2e-16 + 2);
        expect(typeof sumOf(mixed)).toBe('number');
      }),
    );
  });

  it('beyond the range of doubles is infinite', () => {
    expect(sumOf([1e308, 1e308, 1e308])).toBe(Infinity);
  });
});
