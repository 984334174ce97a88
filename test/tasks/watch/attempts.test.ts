import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Attempts, defaultAttemptLimits } from '../../../src/tasks/watch/attempts.js';

const limits = { ...defaultAttemptLimits, maxAttempts: 3, windowMs: 100_000, retryAfterMs: 50_000 };
const middle = (): number => 0.5; // no jitter

describe('attempts', () => {
  it('are made at once, then after a delay that doubles up to a maximum', () => {
    const attempts = new Attempts({ ...limits, maxAttempts: 100, maxDelayMs: 4_000 }, middle);
    const delays: number[] = [];
    let now = 0;
    for (let count = 0; count < 5; count++) {
      expect(attempts.check('t', 'r', now)).toBe('now');
      attempts.begin('t', 'r', now);
      const next = attempts.nextAt('t')!;
      expect(attempts.check('t', 'r', next - 1)).toBe('later');
      delays.push(next - now);
      now = next;
    }
    expect(delays).toEqual([1_000, 2_000, 4_000, 4_000, 4_000]);
  });

  it('vary by up to a fifth in time', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), (random) => {
        const attempts = new Attempts(limits, () => random);
        attempts.begin('t', 'r', 0);
        expect(attempts.nextAt('t')).toBeGreaterThanOrEqual(800);
        expect(attempts.nextAt('t')).toBeLessThanOrEqual(1_200);
      }),
    );
  });

  it('end at the limit, which is said once, and begin again after a while', () => {
    const attempts = new Attempts(limits, middle);
    for (let count = 0; count < 3; count++) attempts.begin('t', 'r', count * 10_000);
    expect(attempts.check('t', 'r', 30_000)).toBe('gave-up');
    expect(attempts.nextAt('t')).toBe(80_000);
    expect(attempts.check('t', 'r', 30_001)).toBe('later');
    expect(attempts.check('t', 'r', 80_000)).toBe('now');
    expect(attempts.begin('t', 'r', 80_000)).toBe(1);
  });

  it('count only within the window', () => {
    const attempts = new Attempts(limits, middle);
    for (const now of [0, 50_000, 90_000]) attempts.begin('t', 'r', now);
    expect(attempts.check('t', 'r', 100_001)).toBe('now');
  });

  it('begin afresh once the task is changed, or has run for a while', () => {
    const attempts = new Attempts(limits, middle);
    for (let count = 0; count < 3; count++) attempts.begin('t', 'r', 0);
    expect(attempts.check('t', 'changed', 1)).toBe('now');
    attempts.begin('t', 'r', 0);
    attempts.setRevision('t', 'enabled');
    expect(attempts.check('t', 'enabled', 1)).toBe('later');
    attempts.runs('t', 29_999);
    expect(attempts.count('t')).toBe(1);
    attempts.runs('t', 30_000);
    expect(attempts.count('t')).toBe(0);
  });

  it('of other tasks are forgotten', () => {
    const attempts = new Attempts(limits, middle);
    for (const id of ['one', 'two']) attempts.begin(id, 'r', 0);
    attempts.retain(new Set(['two']));
    expect([attempts.count('one'), attempts.count('two')]).toEqual([0, 1]);
  });
});
