import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkIntervalMs, HangDetector } from '../../../../src/host/isolation/supervisor/hang-detector.js';

describe('the interval of checks', () => {
  test.each([
    [0, 1_000],
    [1, 10],
    [100, 25],
    [60_000, 1_000],
  ])('for a limit of %d ms is %d ms', (limit, interval) => {
    expect(checkIntervalMs(limit)).toBe(interval);
  });
});

describe('a worker hangs', () => {
  const busy = { isWorking: true, maxMs: 100 };

  /** The number of the first check that finds it hung. */
  function firstHang(intervalMs: number, checks: readonly Parameters<HangDetector['check']>[0][]): number {
    const detector = new HangDetector(intervalMs);
    return checks.findIndex((check) => detector.check(check));
  }

  test('if it has work and does nothing for the limit, and at most an interval longer', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), (maxMs) => {
        const interval = checkIntervalMs(maxMs);
        const checks = new Array(maxMs + 2).fill({ ...busy, maxMs, activity: 1 });
        const idleMs = firstHang(interval, checks) * interval;
        expect(idleMs).toBeGreaterThanOrEqual(maxMs);
        expect(idleMs).toBeLessThan(maxMs + interval);
      }),
    );
  });

  test('not while it does something', () => {
    const checks = Array.from({ length: 100 }, (_, activity) => ({ ...busy, activity }));
    expect(firstHang(25, checks)).toBe(-1);
  });

  test('not while it has nothing to do, and that time does not count', () => {
    const idle = Array.from({ length: 100 }, () => ({ ...busy, isWorking: false, activity: 1 }));
    const working = Array.from({ length: 10 }, () => ({ ...busy, activity: 1 }));
    expect(firstHang(25, [...idle, ...working])).toBe(100 + 3);
  });

  test('never without a limit', () => {
    expect(firstHang(1000, new Array(100).fill({ isWorking: true, activity: 1, maxMs: 0 }))).toBe(-1);
  });
});
