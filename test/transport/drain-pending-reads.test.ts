import { afterEach, describe, expect, test, vi } from 'vitest';
import { drainPendingReads } from '../../src/transport/drain-pending-reads.js';

afterEach(() => {
  vi.useRealTimers();
});

/** Figures that go up by one a look, so many times. */
function rising(times: number): { readonly look: () => number; readonly looks: () => number } {
  let looks = 0;
  return { look: () => Math.min(++looks, times), looks: () => looks };
}

describe('reading on', () => {
  test('lasts while bytes come, and two turns longer', async () => {
    const bytes = rising(20);
    await drainPendingReads(10_000, bytes.look);
    expect(bytes.looks()).toBe(22);
  });

  test('lasts while what has come waits to be passed on', async () => {
    let looks = 0;
    await drainPendingReads(
      10_000,
      () => 0,
      () => ++looks < 20,
    );
    expect(looks).toBe(21);
  });

  test.each([
    ['the time it has', 100, 10],
    ['a quarter of a second, however much it has', 10_000, 25],
  ])('lasts no longer than %s when bytes go on coming', async (_, withinMs, looks) => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const bytes = rising(1_000);
    await drainPendingReads(withinMs, () => {
      vi.advanceTimersByTime(10);
      return bytes.look();
    });
    expect(bytes.looks()).toBe(looks);
  });
});
