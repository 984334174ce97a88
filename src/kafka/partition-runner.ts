import { messageOf } from '../model/errors.js';
import type { Logger } from '../telemetry/logger.js';
import { hasCode, isRetriable } from './client/broker-error.js';
import type { TopicPartition } from './client/requests.js';
import { isExcluded, isFenced } from './client/transactional-producer.js';
import type { Fetcher } from './fetcher.js';
import { InputBuffer } from './input-buffer.js';
import { createPartitionCounters, type PartitionCounters } from './partition-counters.js';
import { inputProblem, withPlace } from './partition-problems.js';

/** Whether the UDF runs on a partition, or its lines are written to the topic of `--repartition`. */
export type PartitionKind = 'udf' | 'repartition';

/** Processes a partition: a `PartitionTask` or a `RepartitionTask`. */
export interface RunnableTask {
  run(): Promise<void>;
  close(): void;
  cancel(): void;
}

export interface PartitionRunnerOptions {
  readonly partition: TopicPartition;
  readonly kind: PartitionKind;
  /** The end of the last runner of the partition, if it has had one. */
  readonly previous: Promise<void> | undefined;
  readonly fetcher: Pick<Fetcher, 'schedule' | 'add' | 'remove'>;
  readonly createTask: (input: InputBuffer, runner: PartitionRunner) => RunnableTask;
  /** Resolves while the worker is a member of its group. */
  readonly waitForMembership: () => Promise<unknown>;
  /** Called before the partition is taken over anew after a failure. */
  readonly recovering: () => void;
  /** Called with a failure that does not pass. */
  readonly fail: (reason: unknown) => void;
  readonly logger: Logger;
}

const minRetryMs = 100;
const maxRetryMs = 5_000;

/** Runs the task of a partition that a worker owns, again after failures that may pass, until `close` or `cancel`. */
export class PartitionRunner implements TopicPartition {
  readonly topic: string;
  readonly partition: number;
  readonly kind: PartitionKind;
  readonly counters: PartitionCounters = createPartitionCounters();
  /** Resolves when nothing is under way any more. Never rejects. */
  readonly ended: Promise<void>;
  readonly #options: PartitionRunnerOptions;
  readonly #closing = new AbortController();
  readonly #cancelling = new AbortController();
  /** Resolves at `close` or `cancel`. */
  readonly #closed = new Promise<void>((resolve) => {
    this.#closing.signal.addEventListener('abort', () => {
      resolve();
    });
  });
  #current: { readonly task: RunnableTask; readonly input: InputBuffer } | undefined;

  constructor(options: PartitionRunnerOptions) {
    const { partition, kind, previous } = options;
    this.#options = options;
    this.topic = partition.topic;
    this.partition = partition.partition;
    this.kind = kind;
    this.ended = Promise.resolve(previous).then(() => this.#run());
  }

  /** Aborted by `cancel`. */
  get signal(): AbortSignal {
    return this.#cancelling.signal;
  }

  /** Whether the partition has been taken over. */
  get isReady(): boolean {
    return this.counters.committed >= 0;
  }

  /** Records that are not committed yet; `undefined` before it is known. */
  get lag(): number | undefined {
    const highWatermark = this.#current?.input.highWatermark ?? -1;
    return this.isReady && highWatermark >= 0
      ? Math.max(highWatermark - this.counters.committed, 0)
      : undefined;
  }

  /** Commits what has been read, and ends. */
  close(): void {
    this.#closing.abort();
    this.#current?.task.close();
  }

  /** Ends without a commit: the partition may belong to another worker. */
  cancel(): void {
    this.#closing.abort();
    this.#cancelling.abort();
    this.#current?.task.cancel();
  }

  async #run(): Promise<void> {
    const { counters } = this;
    const { recovering, fail, logger } = this.#options;
    const isClosing = (): boolean => this.#closing.signal.aborted;
    for (let retryMs = minRetryMs; !isClosing(); retryMs = Math.min(2 * retryMs, maxRetryMs)) {
      const { transactions } = counters;
      try {
        await this.#runTask();
        return;
      } catch (reason) {
        if (this.signal.aborted) return;
        if (!mayPass(reason)) {
          fail(withPlace(reason, this));
          return;
        }
        recovering();
        counters.committed = -1;
        const { topic, partition } = this;
        logger.warn({ topic, partition }, `the partition is taken over anew: ${messageOf(reason)}`);
        if (counters.transactions > transactions) retryMs = minRetryMs;
        await this.#pause(retryMs);
      }
    }
  }

  async #runTask(): Promise<void> {
    const { fetcher, createTask } = this.#options;
    const input = new InputBuffer(() => {
      fetcher.schedule();
    });
    const task = createTask(input, this);
    this.#current = { task, input };
    fetcher.add(this, input, (reason) => {
      input.fail(inputProblem(reason, this));
    });
    try {
      await task.run();
    } finally {
      fetcher.remove(this);
      this.#current = undefined;
    }
  }

  /** Waits before the next attempt, unless the runner is closed. */
  async #pause(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const over = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms);
    });
    await Promise.race([this.#closed, over]);
    clearTimeout(timer);
    if (this.#closing.signal.aborted) return;
    // A worker that was excluded without noticing must not fence the new owner.
    await Promise.race([this.#closed, this.#options.waitForMembership().catch(() => undefined)]);
  }
}

/** Whether taking the partition over anew may help. */
function mayPass(reason: unknown): boolean {
  return isRetriable(reason) || isFenced(reason) || isExcluded(reason) || hasCode(reason, 'NOT_A_MEMBER');
}
