import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { BrokerError } from '../../src/kafka/client/broker-error.js';
import {
  PartitionRunner,
  type PartitionRunnerOptions,
  type RunnableTask,
} from '../../src/kafka/partition-runner.js';
import { silentLogger } from '../support/silent-logger.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A task that a test ends; `close` and `cancel` end it as well. */
class FakeTask implements RunnableTask {
  readonly calls: string[] = [];
  end!: () => void; // set by the promise's executor, which runs at once
  fail!: (reason: unknown) => void; // as above
  readonly #ended = new Promise<void>((resolve, reject) => {
    this.end = resolve;
    this.fail = reject;
  });

  run(): Promise<void> {
    return this.#ended;
  }

  close(): void {
    this.calls.push('close');
    this.end();
  }

  cancel(): void {
    this.calls.push('cancel');
    this.end();
  }
}

function running(options: Partial<PartitionRunnerOptions> = {}) {
  const tasks: FakeTask[] = [];
  const events: unknown[] = [];
  const runner = new PartitionRunner({
    partition: { topic: 'in', partition: 1 },
    kind: 'udf',
    previous: undefined,
    fetcher: {
      schedule: () => undefined,
      add: ({ partition }) => events.push(`add ${partition}`),
      remove: ({ partition }) => events.push(`remove ${partition}`),
    },
    createTask: () => {
      const task = new FakeTask();
      tasks.push(task);
      return task;
    },
    waitForMembership: () => Promise.resolve(),
    recovering: () => events.push('recovering'),
    fail: (reason) => events.push(reason),
    logger: silentLogger,
    ...options,
  });
  return { runner, tasks, events };
}

const turns = () => vi.advanceTimersByTimeAsync(0);
const moved = new BrokerError('NOT_COORDINATOR', 'moved');

test('a task that ends has its records fetched no more', async () => {
  const { runner, tasks, events } = running();
  await turns();
  tasks[0]!.end();
  await runner.ended;
  expect(events).toEqual(['add 1', 'remove 1']);
});

test('a failure that may pass is followed by another attempt, each later than the one before', async () => {
  const { tasks, events } = running();
  await turns();
  tasks[0]!.fail(moved);
  await vi.advanceTimersByTimeAsync(99);
  expect(tasks).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(tasks).toHaveLength(2);
  expect(events).toEqual(['add 1', 'remove 1', 'recovering', 'add 1']);
  tasks[1]!.fail(moved);
  await vi.advanceTimersByTimeAsync(199);
  expect(tasks).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(1);
  expect(tasks).toHaveLength(3);
});

test('after progress the first wait is the short one again', async () => {
  const { runner, tasks } = running();
  await turns();
  tasks[0]!.fail(moved);
  await vi.advanceTimersByTimeAsync(100);
  runner.counters.transactions++;
  tasks[1]!.fail(moved);
  await vi.advanceTimersByTimeAsync(100);
  expect(tasks).toHaveLength(3);
});

test('a failure that does not pass ends it', async () => {
  const { runner, tasks, events } = running();
  await turns();
  const reason = new BrokerError('TOPIC_AUTHORIZATION_FAILED', 'no');
  tasks[0]!.fail(reason);
  await runner.ended;
  expect(events.at(-1)).toBe(reason);
  expect(tasks).toHaveLength(1);
});

test('it begins once the runner before it has ended', async () => {
  let end: (() => void) | undefined;
  const { tasks } = running({ previous: new Promise<void>((resolve) => (end = resolve)) });
  await turns();
  expect(tasks).toEqual([]);
  end?.();
  await turns();
  expect(tasks).toHaveLength(1);
});

test.each(['close', 'cancel'] as const)('`%s` ends its task', async (how) => {
  const { runner, tasks } = running();
  await turns();
  runner[how]();
  await runner.ended;
  expect(tasks[0]!.calls).toEqual([how]);
  expect(runner.signal.aborted).toBe(how === 'cancel');
});

test('`close` ends it at once while it waits for its next attempt', async () => {
  const { runner, tasks } = running();
  await turns();
  tasks[0]!.fail(moved);
  await turns();
  runner.close();
  await runner.ended; // no timer fires
  expect(tasks).toHaveLength(1);
});

test('`close` ends it at once while the worker is no member of its group', async () => {
  const { runner, tasks } = running({ waitForMembership: () => new Promise(() => undefined) });
  await turns();
  tasks[0]!.fail(moved);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(tasks).toHaveLength(1);
  runner.close();
  await runner.ended;
});
