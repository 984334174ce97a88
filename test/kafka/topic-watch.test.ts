import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { BrokerError } from '../../src/kafka/client/broker-error.js';
import { TopicWatch } from '../../src/kafka/topic-watch.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Watches topics whose partitions are counted by `present`; -1 stands for a topic that is gone. */
function watched(present: Record<string, number | Error>, divided?: string) {
  const [failures, growths] = [[] as string[], [] as string[]];
  const counts = new Map(Object.entries(present)) as Map<string, number>; // all are there at first
  const watch = new TopicWatch({
    counts,
    keyed: divided === undefined ? 'in' : 'by-group',
    divided,
    intervalMs: 10,
    lookUp: ([name]) => {
      const count = present[name!]!;
      if (count instanceof Error) return Promise.reject(count);
      if (count < 0) return Promise.reject(new BrokerError('UNKNOWN_TOPIC_OR_PARTITION', 'gone'));
      return Promise.resolve(new Map([[name!, { leaders: new Array<number>(count).fill(1) }]]));
    },
    fail: ({ message }) => failures.push(message),
    grown: () => growths.push('grown'),
  });
  return { watch, failures, growths };
}

test('a topic that stays away was deleted; one that is away for a moment, or cannot be asked for, was not', async () => {
  const present: Record<string, number | Error> = { in: 2, out: 2 };
  const { failures } = watched(present);
  present.out = -1;
  await vi.advanceTimersByTimeAsync(25);
  present.out = 2;
  await vi.advanceTimersByTimeAsync(10);
  present.out = new BrokerError('NETWORK', 'no answer');
  await vi.advanceTimersByTimeAsync(100);
  expect(failures).toEqual([]);
  present.out = -1;
  await vi.advanceTimersByTimeAsync(100);
  expect(failures).toEqual([
    expect.stringMatching(/^topic out was deleted while the worker ran; create it again/),
  ]);
});

test('partitions that are added to the input have groups without their state, those of the output have not', async () => {
  const present = { in: 2, out: 2 };
  const { failures } = watched(present);
  present.out = 3;
  await vi.advanceTimersByTimeAsync(50);
  expect(failures).toEqual([]);
  present.in = 4;
  await vi.advanceTimersByTimeAsync(50);
  expect(failures).toEqual([expect.stringMatching(/^topic in had 2 partitions and has 4 now/)]);
});

test('partitions that are added to an input which is divided anew are taken, once', async () => {
  const present = { in: 2, 'by-group': 2 };
  const { failures, growths } = watched(present, 'in');
  present.in = 4;
  await vi.advanceTimersByTimeAsync(50);
  expect({ failures, growths }).toEqual({ failures: [], growths: ['grown'] });
});

test('nothing is looked up any more after it is closed', async () => {
  const present: Record<string, number> = { in: 2 };
  const { watch, failures } = watched(present);
  watch.close();
  present.in = -1;
  await vi.advanceTimersByTimeAsync(100);
  expect(failures).toEqual([]);
});
