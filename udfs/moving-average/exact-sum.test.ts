import { describe, expect, it } from 'vitest';
import { addToSum, createSum, meanOfSum } from './exact-sum.js';

describe('an exact sum', () => {
  it('stays exact through millions of additions that nobody asks the mean of', () => {
    const sum = createSum();
    const [one, other] = [2 ** 53 - 1, 2 ** 53 - 4097];
    const times = 3 * 2 ** 20;
    for (let count = 0; count < times; count++) {
      addToSum(sum, one, 1);
      addToSum(sum, other, 1);
    }
    addToSum(sum, 0.125, 1);
    for (let count = 0; count < times; count++) addToSum(sum, one, -1);
    for (let count = 0; count < times; count++) addToSum(sum, other, -1);
    expect(meanOfSum(sum, 1)).toBe(0.125);
  });

  it('of nothing is zero', () => {
    expect(meanOfSum(createSum(), 1)).toBe(0);
  });
});
