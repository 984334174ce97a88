import { describe, expect, it } from 'vitest';
import { exactMean, isNearly, magnitude, unitsOf } from '../../test/support/exact-mean.js';
import { createWindow, mean, oldestTime, push, shift } from './window.js';

/** A generator of the same numbers each time: G. Marsaglia's xorshift, as doubles from 0 to 1. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

describe('a window', () => {
  it.each([
    { what: 'of like numbers', size: 1_000, next: (uniform: () => number) => 230 + uniform() },
    { what: 'around zero', size: 1_000, next: (uniform: () => number) => uniform() - 0.5 },
    {
      what: 'of all magnitudes',
      size: 100,
      next: (uniform: () => number) => (uniform() - 0.5) * 2 ** (2000 * (uniform() - 0.5)),
    },
    { what: 'larger than all that comes', size: 1_000_000, next: (uniform: () => number) => 1e9 * uniform() },
  ])('does not drift in 200,000 points: $what', ({ size, next }) => {
    const uniform = random(1);
    const window = createWindow(false);
    const units: bigint[] = [];
    let sum = 0n;
    let absolute = 0n;
    for (let count = 1; count <= 200_000; count++) {
      const value = next(uniform);
      if (count > size) {
        shift(window);
        sum -= units[count - 1 - size]!;
        absolute -= magnitude(units[count - 1 - size]!);
      }
      push(window, value, size);
      units.push(unitsOf(value));
      sum += units.at(-1)!;
      absolute += magnitude(units.at(-1)!);
      if (count % 999 === 0) {
        expect(isNearly(mean(window), { sum, absolute, count: BigInt(window.count) })).toBe(true);
      }
    }
  });

  it('is as precise after a sum that only just fits a double as before it', () => {
    const window = createWindow(false);
    const large = Number.MAX_VALUE;
    const given = [1e-3, 2e-3, large, -large, large, large, 3e-3, 5e-324, 7e-3, 8e-3, 9e-3];
    for (const [index, value] of given.entries()) {
      if (index >= 3) shift(window);
      push(window, value, 3);
      expect(isNearly(mean(window), exactMean(given.slice(Math.max(0, index - 2), index + 1)))).toBe(true);
    }
  });

  it('grows with a burst, gives the memory back, and keeps its order', () => {
    const window = createWindow(true);
    for (let value = 0; value < 10_000; value++) push(window, value, Infinity, BigInt(value));
    expect(window.cells.length).toBeLessThan(40_000);
    while (window.count > 5) {
      shift(window);
      if (window.count % 1_000 === 0) {
        push(window, 10_000, Infinity, 10_000n);
        shift(window);
      }
    }
    expect(window.cells.length).toBeLessThan(2_000);
    expect(mean(window)).toBe(10_000);
    expect(oldestTime(window)).toBe(10_000n);
  });
});
