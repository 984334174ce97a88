import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { BrokerError } from '../../src/kafka/client/broker-error.js';
import { TopicWatch } from '../../src/kafka/topic-watch.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Watches topics whose partitions are counted by `present`; -1 stands for a topic that is gone. */
function watched(present: Record<string, number | Error>, repartitioned?: string) {
  const failures: string[] = [];
  const growths: string[] = [];
  const lookUps: string[] = [];
  const broker = { delayMs: 0 };
  const counts = new Map(Object.entries(present)) as Map<string, number>; // all are there at first
  const watch = new TopicWatch({
    counts,
    keyed: repartitioned === undefined ? 'in' : 'by-group',
    repartitioned,
    intervalMs: 10,
    lookUp: async ([name]) => {
      lookUps.push(name!);
      const count = present[name!]!;
      if (broker.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, broker.delayMs));
      if (count instanceof Error) throw count;
      if (count < 0) throw new BrokerError('UNKNOWN_TOPIC_OR_PARTITION', 'gone');
      return new Map([[name!, { leaders: new Array<number>(count).fill(1) }]]);
    },
    fail: ({ message }) => failures.push(message),
    grown: () => growths.push('grown'),
  });
  return { watch, failures, growths, lookUps, broker };
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

test('partitions that are added to the input of a repartition are reported, once', async () => {
  const present = { in: 2, 'by-group': 2 };
  const { failures, growths } = watched(present, 'in');
  present.in = 4;
  await vi.advanceTimersByTimeAsync(50);
  expect({ failures, growths }).toEqual({ failures: [], growths: ['grown'] });
});

test('nothing is looked up any more after it is closed', async () => {
  const { watch, lookUps } = watched({ in: 2 });
  watch.close();
  await vi.advanceTimersByTimeAsync(100);
  expect(lookUps).toEqual([]);
});

test('topics that are deleted together end the worker once', async () => {
  const present: Record<string, number> = { in: 2, out: 2 };
  const { failures } = watched(present);
  present.in = present.out = -1;
  await vi.advanceTimersByTimeAsync(100);
  expect(failures).toHaveLength(1);
});

test('a broker that answers slowly gets one request at a time', async () => {
  const { lookUps, broker } = watched({ in: 2 });
  broker.delayMs = 95;
  await vi.advanceTimersByTimeAsync(100);
  expect(lookUps).toEqual(['in']);
  await vi.advanceTimersByTimeAsync(20);
  expect(lookUps).toEqual(['in', 'in']);
});

test('an answer that comes after it is closed is ignored', async () => {
  const present: Record<string, number> = { in: 2 };
  const { watch, failures, broker } = watched(present);
  broker.delayMs = 50;
  present.in = 4;
  await vi.advanceTimersByTimeAsync(20);
  watch.close();
  await vi.advanceTimersByTimeAsync(100);
  expect(failures).toEqual([]);
});
