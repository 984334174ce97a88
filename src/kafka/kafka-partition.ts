import { hasCode } from './client/broker-error.js';
import type { Cluster } from './client/cluster.js';
import { committedOffset, type CommittedOffset, committedOffsets, endOffset } from './client/offsets.js';
import { type BatchBuilder, type BatchCodec, type Compression, RecordReader } from './client/record-batch.js';
import { fetchRecords, type TopicPartition } from './client/requests.js';
import { type GroupIdentity, TransactionalProducer } from './client/transactional-producer.js';
import { lostState } from './partition-problems.js';
import type { PartitionStore } from './partition-store.js';

export interface KafkaPartitionOptions {
  readonly source: TopicPartition;
  readonly groupId: string;
  /** Where output goes, if it all goes to one partition. */
  readonly output?: TopicPartition | undefined;
  readonly changelog?: TopicPartition | undefined;
  readonly deadLetters?: TopicPartition | undefined;
  /** Where to begin without a committed offset. */
  readonly offsetReset: 'earliest' | 'latest';
  readonly transactionTimeoutMs: number;
  readonly codec: BatchCodec;
  readonly compression: Compression;
  readonly identity: () => Promise<GroupIdentity>;
  /** Aborted when the partition is given up. */
  readonly signal: AbortSignal;
}

const readTimeoutMs = 60_000;
const readBytes = 8 * 1024 * 1024;

/**
 * A partition's output, state and offset in Kafka. Each partition has a transactional id of its own: its next owner fences
 * the previous one and ends its transaction at once, even if that worker was killed. With one id for a worker, the
 * transaction would stay open until its time-out, and consumers would wait for it.
 */
export class KafkaPartition implements PartitionStore {
  readonly producer: TransactionalProducer;
  readonly writeDeadLetters: ((batch: BatchBuilder) => Promise<unknown>) | undefined;
  readonly #cluster: Cluster;
  readonly #options: KafkaPartitionOptions;

  constructor(cluster: Cluster, options: KafkaPartitionOptions) {
    const { groupId, source, deadLetters } = options;
    this.#cluster = cluster;
    this.#options = options;
    this.producer = new TransactionalProducer(cluster, {
      ...options,
      transactionalId: `${groupId}-${source.topic}-${source.partition}`,
      timeoutMs: options.transactionTimeoutMs,
    });
    this.writeDeadLetters = deadLetters && ((batch) => this.producer.produce(deadLetters, batch));
  }

  async open(): Promise<CommittedOffset> {
    await this.producer.init();
    const { groupId, source } = this.#options;
    return this.#retry(() => committedOffset(this.#cluster, groupId, source));
  }

  startOffset(end = this.#options.offsetReset): Promise<number> {
    return this.#retry(() => endOffset(this.#cluster, this.#options.source, end));
  }

  /** What the group has committed for the first `count` partitions of the source's topic. */
  committedOffsets(count: number): Promise<readonly CommittedOffset[]> {
    const { groupId, source } = this.#options;
    const partitions = Array.from({ length: count }, (_none, partition) => partition);
    return this.#retry(() => committedOffsets(this.#cluster, groupId, source.topic, partitions, false));
  }

  async hasState(): Promise<boolean> {
    const changelog = this.#options.changelog!; // only tasks with state ask
    return (await this.#retry(() => endOffset(this.#cluster, changelog, 'latest'))) > 0;
  }

  async readChangelog(from: number, add: (value: Buffer) => void): Promise<void> {
    const changelog = this.#options.changelog!; // only tasks with state read it
    const end = await this.#retry(() => endOffset(this.#cluster, changelog, 'latest'));
    if (from >= end) throw lostState(changelog);
    for (let offset = from; offset < end;) {
      const [fetched] = await this.#retry(async () => {
        const node = await this.#cluster.leader(changelog.topic, changelog.partition);
        const limits = { maxWaitMs: 500, maxBytes: readBytes, maxPartitionBytes: readBytes };
        const result = await fetchRecords(this.#cluster, node, [{ ...changelog, offset }], limits, 'main');
        if (result[0]?.error) throw result[0].error;
        return result;
      }).catch((reason: unknown) => {
        throw hasCode(reason, 'OFFSET_OUT_OF_RANGE') ? lostState(changelog) : reason;
      });
      if (!fetched) continue;
      const { batches, aborted } = fetched;
      const reader = new RecordReader(this.#options.codec, batches, offset, aborted);
      while (reader.next()) {
        if (reader.valueStart >= 0) add(reader.buf.subarray(reader.valueStart, reader.valueEnd));
      }
      offset = reader.position;
    }
  }

  writeOutput(batch: BatchBuilder): Promise<unknown> {
    return this.producer.produce(this.#options.output!, batch); // only tasks that have an output write to it
  }

  writeChangelog(batch: BatchBuilder): Promise<number> {
    return this.producer.produce(this.#options.changelog!, batch); // only tasks with state write to it
  }

  commit(offset: number, metadata: string): Promise<void> {
    const { source, identity } = this.#options;
    return this.producer.commit([{ ...source, offset, metadata }], identity);
  }

  #retry<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.#cluster.retry(work, readTimeoutMs, this.#options.signal);
  }
}
