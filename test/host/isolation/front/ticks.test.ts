import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Ticks } from '../../../../src/host/isolation/front/ticks.js';
import { Feed } from '../../../../src/host/isolation/supervisor/feed.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

test('a worker that starts with the state at a position starts with the time of the last tick before', () => {
  const feed = new Feed();
  const { journal } = feed;
  const ticks = new Ticks(feed, () => undefined);
  const tickAt = (ms: number): number => {
    vi.setSystemTime(ms);
    ticks.add();
    return journal.end;
  };
  const first = tickAt(1_000);
  journal.append(Buffer.alloc(10), 0, 10);
  const second = tickAt(2_000);
  expect(
    [0, first - 1, first, first + 10, second - 1, second, second + 5].map((at) => ticks.timeAt(at)),
  ).toEqual([0, 0, 1_000, 1_000, 1_000, 2_000, 2_000].map((ms) => BigInt(ms) * 1_000_000n));
});
