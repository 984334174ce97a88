import { UdfError } from '../model/errors.js';
import type { Logger } from '../telemetry/logger.js';
import { brokerProblem } from './broker-problem.js';
import type { Cluster } from './client/cluster.js';
import { GroupMember } from './client/group-member.js';
import type { BatchCodec } from './client/record-batch.js';
import { batchCodec, partitionKey, type TopicPartition } from './client/requests.js';
import { Fetcher } from './fetcher.js';
import type { InputBuffer } from './input-buffer.js';
import { KafkaPartition, type KafkaPartitionOptions } from './kafka-partition.js';
import { PartitionRunner, type RunnableTask } from './partition-runner.js';
import { PartitionTask, type TaskSettings } from './partition-task.js';
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
  /** The same for all workers of the group: others are refused. */
  readonly job: string;
  readonly logger: Logger;
}

const rebalanceTimeoutMs = 60_000;

/** A worker of a consumer group: runs the UDF for the partitions that Kafka assigns to it. */
export class KafkaWorker {
  /** Times that a partition was taken over anew after a failure. */
  recoveries = 0;
  readonly #cluster: Cluster;
  readonly #settings: WorkerSettings;
  readonly #codec: BatchCodec;
  readonly #fetcher: Fetcher;
  readonly #member: GroupMember;
  readonly #runners = new Map<string, PartitionRunner>();
  /** Partitions of the topics. */
  #counts: ReadonlyMap<string, number> = new Map();
  #isJoined = false;
  /** Called by `stop` and `abort` while the topics are looked up. */
  #endPreparing: (() => void) | undefined;
  #isStopping = false;
  #failure: UdfError | undefined;

  constructor(cluster: Cluster, settings: WorkerSettings) {
    const { groupId, job, from, repartition, sessionTimeoutMs, logger } = settings;
    this.#cluster = cluster;
    this.#settings = settings;
    this.#codec = batchCodec(cluster.library);
    this.#fetcher = new Fetcher(cluster, this.#codec, logger);
    this.#member = new GroupMember(cluster, {
      groupId,
      protocolName: job,
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
        for (const runner of this.#runners.values()) runner.cancel();
      },
    });
  }

  /** The partitions that it owns. */
  get partitions(): readonly PartitionRunner[] {
    return [...this.#runners.values()];
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
    await this.#close(this.partitions);
    this.#member.stop();
  }

  /** Ends `run` without a commit. */
  abort(): void {
    this.#isStopping = true;
    this.#endPreparing?.();
    for (const runner of this.#runners.values()) runner.cancel();
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
    const { from, repartition, logger } = this.#settings;
    const key = partitionKey(partition);
    const runner = new PartitionRunner({
      partition,
      kind: partition.topic === from && repartition !== undefined ? 'repartition' : 'udf',
      previous: this.#runners.get(key)?.ended,
      fetcher: this.#fetcher,
      createTask: (input, started) => this.#createTask(started, input),
      waitForMembership: this.#member.identity,
      recovering: () => {
        this.recoveries++;
      },
      fail: (reason) => {
        this.#fail(reason);
      },
      logger,
    });
    this.#runners.set(key, runner);
    void runner.ended.then(() => {
      if (this.#runners.get(key) === runner) this.#runners.delete(key);
    });
  }

  #createTask(runner: PartitionRunner, input: InputBuffer): RunnableTask {
    const { to, deadLetterTopic, repartition, offsetReset, groupId } = this.#settings;
    const { commitIntervalMs, groupBy, logger } = this.#settings;
    const { topic, partition, counters, kind, signal } = runner;
    const isUdf = kind === 'udf';
    const store = new KafkaPartition(this.#cluster, {
      ...this.#settings,
      // All of the keyed topic is the group's own.
      offsetReset: isUdf && repartition !== undefined ? 'earliest' : offsetReset,
      source: { topic, partition },
      output: isUdf ? { topic: to, partition: partition % this.#counts.get(to)! } : undefined, // set by `#prepare`
      changelog: isUdf ? { topic: this.#changelog, partition } : undefined,
      deadLetters:
        deadLetterTopic === undefined
          ? undefined
          : { topic: deadLetterTopic, partition: partition % this.#counts.get(deadLetterTopic)! }, // as above
      codec: this.#codec,
      identity: this.#member.identity,
      signal,
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
      partition,
      inputPartitions: Math.max(this.#counts.get(topic)!, partition + 1), // set by `#prepare`
      topic: repartition!, // there are no other tasks
      partitions: this.#counts.get(repartition!)!, // as above
      hash: (bytes) => this.#cluster.library.murmur2(bytes),
      origin: `${groupId}, ${topic}, partition ${partition}`,
    });
  }

  /** Commits what has been read of partitions, and gives them up. */
  async #close(partitions: readonly TopicPartition[]): Promise<void> {
    const runners = partitions.flatMap((partition) => this.#runners.get(partitionKey(partition)) ?? []);
    for (const runner of runners) runner.close();
    await Promise.all(runners.map(({ ended }) => ended));
  }

  // ---- failures ----

  #fail(reason: unknown): void {
    if (this.#cluster.signal.aborted) return; // `abort` was called: what is under way cannot succeed
    this.#failure ??= UdfError.from(brokerProblem(reason));
    this.abort();
  }
}
