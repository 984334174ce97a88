import { setTimeout as delay } from 'node:timers/promises';
import { messageOf, UdfError } from '../model/errors.js';
import type { Logger } from '../telemetry/logger.js';
import { brokerProblem } from './broker-problem.js';
import { BrokerError, hasCode, isRetriable } from './client/broker-error.js';
import type { Cluster } from './client/cluster.js';
import { GroupMember } from './client/group-member.js';
import type { BatchCodec } from './client/record-batch.js';
import { batchCodec, partitionKey, type TopicPartition } from './client/requests.js';
import { isExcluded, isFenced } from './client/transactional-producer.js';
import { Fetcher } from './fetcher.js';
import { InputBuffer } from './input-buffer.js';
import { KafkaPartition, type KafkaPartitionOptions } from './kafka-partition.js';
import { type PartitionCounters, PartitionTask, type TaskSettings } from './partition-task.js';
import { prepareTopics } from './prepare-topics.js';
import { RepartitionTask } from './repartition-task.js';
import { changelogTopic, type TopicNames } from './topic-names.js';
import { TopicWatch } from './topic-watch.js';

export interface WorkerSettings
  extends
    TaskSettings,
    TopicNames,
    Pick<KafkaPartitionOptions, 'groupId' | 'offsetReset' | 'compression' | 'transactionTimeoutMs'> {
  readonly sessionTimeoutMs: number;
  readonly logger: Logger;
}

/** A partition that a worker has. */
export interface OwnedPartition extends TopicPartition {
  readonly kind: 'udf' | 'repartition';
  readonly counters: PartitionCounters;
  /** Whether it has been taken over. */
  readonly isReady: boolean;
  /** Records that are not committed yet; `undefined` before it is known. */
  readonly lag: number | undefined;
}

interface Task extends TopicPartition {
  readonly kind: 'udf' | 'repartition';
  readonly counters: PartitionCounters;
  readonly abort: AbortController;
  current: { readonly task: PartitionTask | RepartitionTask; readonly input: InputBuffer } | undefined;
  isClosing: boolean;
  readonly ended: Promise<void>;
}

const rebalanceTimeoutMs = 60_000;
const minRetryMs = 100;
const maxRetryMs = 5_000;

/** A worker of a consumer group: runs the UDF for the partitions that Kafka assigns to it. */
export class KafkaWorker {
  /** Times that a partition was taken over anew after a failure. */
  recoveries = 0;
  readonly #cluster: Cluster;
  readonly #settings: WorkerSettings;
  readonly #codec: BatchCodec;
  readonly #fetcher: Fetcher;
  readonly #member: GroupMember;
  readonly #tasks = new Map<string, Task>();
  /** Partitions of the topics. */
  #counts: ReadonlyMap<string, number> = new Map();
  #isJoined = false;
  /** Called by `stop` and `abort` while the topics are looked up. */
  #endPreparing: (() => void) | undefined;
  #isStopping = false;
  #failure: UdfError | undefined;

  constructor(cluster: Cluster, settings: WorkerSettings) {
    const { groupId, from, repartition, sessionTimeoutMs, logger } = settings;
    this.#cluster = cluster;
    this.#settings = settings;
    this.#codec = batchCodec(cluster.library);
    this.#fetcher = new Fetcher(cluster, this.#codec, logger);
    this.#member = new GroupMember(cluster, {
      groupId,
      topics: repartition === undefined ? [from] : [from, repartition],
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      logger,
      assigned: (partitions) => {
        this.#isJoined = true;
        if (this.#isStopping) return;
        for (const partition of partitions) this.#start(partition);
      },
      revoke: (partitions) => this.#close(partitions),
      lost: () => {
        this.#isJoined = false;
        for (const task of this.#tasks.values()) this.#cancel(task);
      },
    });
  }

  get partitions(): readonly OwnedPartition[] {
    return Array.from(this.#tasks.values(), ({ topic, partition, kind, counters, current }) => {
      const highWatermark = current?.input.highWatermark ?? -1;
      const { committed } = counters;
      const isReady = committed >= 0;
      const lag = isReady && highWatermark >= 0 ? Math.max(highWatermark - committed, 0) : undefined;
      return { topic, partition, kind, counters, isReady, lag };
    });
  }

  /** Whether it is a member of its group and has taken all of its partitions over; if not, why. */
  get problem(): string | undefined {
    if (!this.#isJoined || this.#member.isUnanswered) {
      const { silence } = this.#cluster;
      const what = this.#isJoined
        ? 'the consumer group does not answer'
        : 'not a member of the consumer group yet';
      return `${what}${silence ? `: ${silence.text}` : ''}`;
    }
    const waiting = this.partitions.filter(({ isReady }) => !isReady).length;
    return waiting > 0 ? `${waiting} partitions are being taken over` : undefined;
  }

  /**
   * Runs until `stop`, or until it fails. Rejects with `invalid_config` for topics that cannot be used, `connection` if no
   * broker can be reached at the start, `refused` if the brokers refuse what it needs, and with the error of the UDF that
   * the policy `stop` ends it with; the transaction that is under way is not committed then. Resolves with whether it has
   * joined the group.
   */
  async run(): Promise<boolean> {
    if (!(await this.#untilStopped(this.#prepare()))) return false;
    const watch = this.#watchTopics();
    try {
      await this.#member.run();
    } catch (reason) {
      this.#fail(reason);
    } finally {
      watch.close();
    }
    await this.#member.leave();
    if (this.#failure) throw this.#failure;
    return true;
  }

  /** Commits what has been read, gives the partitions up, and ends `run`. */
  async stop(): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#endPreparing?.();
    await this.#close([...this.#tasks.values()]);
    this.#member.stop();
  }

  /** Ends `run` without a commit. */
  abort(): void {
    this.#isStopping = true;
    this.#endPreparing?.();
    for (const task of this.#tasks.values()) this.#cancel(task);
    this.#member.stop();
  }

  // ---- topics ----

  /** Whether `work` was done before `stop` or `abort`, which leave it to its own end. */
  async #untilStopped(work: Promise<void>): Promise<boolean> {
    const stopped = new Promise<boolean>((resolve) => {
      this.#endPreparing = () => {
        resolve(false);
      };
    });
    if (this.#isStopping) this.#endPreparing!(); // was just set
    return Promise.race([work.then(() => true), stopped]);
  }

  async #prepare(): Promise<void> {
    const { logger, udf, from, to, repartition } = this.#settings;
    this.#counts = await prepareTopics(this.#cluster, this.#settings);
    logger.info(
      {
        udf: udf.name,
        from,
        to,
        changelog: this.#changelog,
        partitions: this.#counts.get(repartition ?? from),
      },
      'joining the consumer group',
    );
  }

  #watchTopics(): TopicWatch {
    const { from, repartition } = this.#settings;
    return new TopicWatch({
      counts: this.#counts,
      keyed: repartition ?? from,
      repartitioned: repartition === undefined ? undefined : from,
      lookUp: (names) => this.#cluster.topics(names, 0),
      fail: (reason) => {
        this.#fail(reason);
      },
      grown: () => {
        this.#member.rejoin();
      },
    });
  }

  get #changelog(): string {
    return changelogTopic(this.#settings);
  }

  // ---- partitions ----

  #start(partition: TopicPartition): void {
    const key = partitionKey(partition);
    const previous = this.#tasks.get(key)?.ended;
    const kind =
      partition.topic === this.#settings.from && this.#settings.repartition !== undefined
        ? 'repartition'
        : 'udf';
    const abort = new AbortController();
    const task: Task = {
      ...partition,
      kind,
      counters: newCounters(),
      abort,
      current: undefined,
      isClosing: false,
      ended: Promise.resolve(previous).then(() => this.#keepRunning(task)),
    };
    this.#tasks.set(key, task);
  }

  /** Runs a partition until it is given up, again after failures that may pass. Never rejects. */
  async #keepRunning(task: Task): Promise<void> {
    const key = partitionKey(task);
    for (let retryMs = minRetryMs; !isOver(task);) {
      const started = task.counters.transactions;
      try {
        await this.#runOnce(task);
        break;
      } catch (reason) {
        if (isCancelled(task)) break;
        if (!this.#mayPass(reason)) {
          this.#fail(reason);
          break;
        }
        this.recoveries++;
        task.counters.committed = -1;
        const { topic, partition } = task;
        const message = `the partition is taken over anew: ${messageOf(reason)}`;
        this.#settings.logger.warn({ topic, partition }, message);
        if (task.counters.transactions > started) retryMs = minRetryMs;
        await delay(retryMs);
        retryMs = Math.min(2 * retryMs, maxRetryMs);
        // A worker that was excluded without noticing must not fence the new owner.
        await this.#member.identity().catch(() => undefined);
      }
    }
    if (this.#tasks.get(key) === task) this.#tasks.delete(key);
  }

  async #runOnce(task: Task): Promise<void> {
    const input = new InputBuffer(() => {
      this.#fetcher.schedule();
    });
    const running = this.#createTask(task, input);
    task.current = { task: running, input };
    this.#fetcher.add(task, input, (reason) => {
      input.fail(inputProblem(reason, task));
    });
    try {
      if (task.isClosing) running.close();
      await running.run();
    } finally {
      // Another run of the partition may have been added meanwhile.
      if (this.#tasks.get(partitionKey(task)) === task) this.#fetcher.remove(task);
      task.current = undefined;
    }
  }

  #createTask(task: Task, input: InputBuffer): PartitionTask | RepartitionTask {
    const { to, deadLetterTopic, repartition, groupId, commitIntervalMs, groupBy, logger } = this.#settings;
    const { topic, partition, counters, kind } = task;
    const isUdf = kind === 'udf';
    const store = new KafkaPartition(this.#cluster, {
      ...this.#settings,
      source: { topic, partition },
      output: isUdf ? { topic: to, partition: partition % this.#counts.get(to)! } : undefined, // set by `#prepare`
      changelog: isUdf ? { topic: this.#changelog, partition } : undefined,
      deadLetters:
        deadLetterTopic === undefined
          ? undefined
          : { topic: deadLetterTopic, partition: partition % this.#counts.get(deadLetterTopic)! }, // as above
      codec: this.#codec,
      identity: this.#member.identity,
      signal: task.abort.signal,
    });
    if (isUdf) {
      const settings = { ...this.#settings, logger: logger.child({ topic, partition }) };
      return new PartitionTask({ ...settings, partition, store, input, counters });
    }
    return new RepartitionTask({
      store,
      input,
      counters,
      groupBy,
      commitIntervalMs,
      topic: repartition!, // there are no other tasks
      partitions: this.#counts.get(repartition!)!, // as above
      hash: (bytes) => this.#cluster.library.murmur2(bytes),
      origin: `${groupId}, ${topic}, partition ${partition}`,
    });
  }

  async #close(partitions: readonly TopicPartition[]): Promise<void> {
    const tasks = partitions.flatMap((partition) => this.#tasks.get(partitionKey(partition)) ?? []);
    for (const task of tasks) {
      task.isClosing = true;
      task.current?.task.close();
    }
    await Promise.all(tasks.map(({ ended }) => ended));
  }

  #cancel(task: Task): void {
    task.isClosing = true;
    task.abort.abort();
    task.current?.task.cancel();
  }

  // ---- failures ----

  /** Whether taking the partition over anew may help. */
  #mayPass(reason: unknown): boolean {
    return isRetriable(reason) || isFenced(reason) || isExcluded(reason) || hasCode(reason, 'NOT_A_MEMBER');
  }

  #fail(reason: unknown): void {
    if (this.#cluster.signal.aborted) return; // `abort` was called: what is under way cannot succeed
    this.#failure ??= UdfError.from(brokerProblem(reason));
    this.abort();
  }
}

function isCancelled({ abort }: Task): boolean {
  return abort.signal.aborted;
}

function isOver(task: Task): boolean {
  return task.isClosing || isCancelled(task);
}

function inputProblem(reason: unknown, { topic, partition }: TopicPartition): Error {
  if (!hasCode(reason, 'OFFSET_OUT_OF_RANGE')) return BrokerError.from(reason, 'fetch');
  return new UdfError(
    'invalid_config',
    `records of ${topic}, partition ${partition}, were deleted before they were processed, or are needed to restore the ` +
      'state: keep them longer; to go on without them, set the offsets of the consumer group, which begins the state afresh',
  );
}

function newCounters(): PartitionCounters {
  return {
    recordsIn: 0,
    pointsIn: 0,
    pointsOut: 0,
    deadLetters: 0,
    transactions: 0,
    snapshots: 0,
    snapshotBytes: 0,
    groups: 0,
    committed: -1,
    restoreSeconds: 0,
    repeatedRecords: 0,
  };
}
