import { describe, expect, it } from 'vitest';
import { isNearly, unitsOf } from '../../test/support/exact-mean.js';
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
    for (let count = 1; count <= 200_000; count++) {
      const value = next(uniform);
      push(window, value, 0n);
      units.push(unitsOf(value));
      sum += units.at(-1)!;
      if (count > size) {
        shift(window);
        sum -= units[count - 1 - size]!;
      }
      if (count % 999 === 0) {
        expect(isNearly(mean(window), { sum, count: BigInt(window.count) })).toBe(true);
      }
    }
  });

  it('grows with a burst, gives the memory back, and keeps its order', () => {
    const window = createWindow(true);
    for (let value = 0; value < 10_000; value++) push(window, value, BigInt(value));
    const most = window.values.length;
    expect(most).toBeLessThan(40_000);
    while (window.count > 5) {
      shift(window);
      if (window.count % 1_000 === 0) {
        push(window, 10_000, 10_000n);
        shift(window);
      }
    }
    expect(window.values.length).toBeLessThan(100);
    expect(mean(window)).toBe(10_000);
    expect(oldestTime(window)).toBe(10_000n);
  });
});
