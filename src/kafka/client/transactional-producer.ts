import { hasCode } from './broker-error.js';
import type { Cluster } from './cluster.js';
import type { BatchBuilder, BatchCodec, Compression } from './record-batch.js';
import { groupByTopic, partitionKey, produceBatch, type TopicPartition } from './requests.js';

/** A member of a consumer group, in the generation that it knows. */
export interface GroupIdentity {
  readonly groupId: string;
  readonly memberId: string;
  readonly generation: number;
}

/** The offset up to which a partition was consumed, with a text of up to 4,096 bytes. */
export interface ConsumedOffset extends TopicPartition {
  readonly offset: number;
  readonly metadata: string;
}

export interface TransactionalProducerOptions {
  readonly transactionalId: string;
  /** After this time the broker aborts a transaction that is still open. */
  readonly timeoutMs: number;
  readonly codec: BatchCodec;
  readonly compression: Compression;
  /** Ends retries. */
  readonly signal: AbortSignal;
}

/** Sequence numbers are below 2^31, and begin again at 0. */
const maxSequence = 2 ** 31;

/**
 * Writes transactions under one transactional id, one after the other. After a rejection of any method, `init` must be
 * called before the next transaction: it aborts the open one, and tells by what is committed whether a commit whose answer
 * was lost has succeeded.
 *
 * All methods reject with a `BrokerError`: `PRODUCER_FENCED` or `INVALID_PRODUCER_EPOCH` once another producer has taken the
 * id over.
 */
export class TransactionalProducer {
  readonly #cluster: Cluster;
  readonly #options: TransactionalProducerOptions;
  #producerId = -1n;
  #producerEpoch = -1;
  readonly #sequences = new Map<string, number>();
  /** The partitions of the open transaction. */
  readonly #added = new Set<string>();
  /** The last batch that is being sent to each partition. */
  readonly #sending = new Map<string, Promise<number>>();
  #failure: unknown;

  constructor(cluster: Cluster, options: TransactionalProducerOptions) {
    this.#cluster = cluster;
    this.#options = options;
  }

  /** Fences the producer that used the id before; its open transaction has ended when this resolves. */
  async init(): Promise<void> {
    const { initProducerIdV4 } = this.#cluster.library;
    const { transactionalId, timeoutMs } = this.#options;
    const { producerId, producerEpoch } = await this.#coordinator('init', (node, what) =>
      this.#cluster.call(node, what, initProducerIdV4.api, [transactionalId, timeoutMs, -1n, -1]),
    );
    this.#producerId = producerId;
    this.#producerEpoch = producerEpoch;
    this.#sequences.clear();
    this.#added.clear();
    this.#sending.clear();
    this.#failure = undefined;
  }

  /** Adds partitions to the transaction, before records are written to them. */
  async add(partitions: readonly TopicPartition[]): Promise<void> {
    const missing = partitions.filter((partition) => !this.#added.has(partitionKey(partition)));
    if (missing.length === 0) return;
    const { addPartitionsToTxnV3 } = this.#cluster.library;
    const topics = groupByTopic(missing);
    await this.#coordinator(`write to ${[...topics.keys()].join(', ')}`, (node, what) =>
      this.#cluster.call(node, what, addPartitionsToTxnV3.api, [
        [
          {
            transactionalId: this.#options.transactionalId,
            producerId: this.#producerId,
            producerEpoch: this.#producerEpoch,
            verifyOnly: false,
            topics: Array.from(topics, ([name, list]) => ({
              name,
              partitions: list.map(({ partition }) => partition),
            })),
          },
        ],
      ]),
    );
    for (const partition of missing) this.#added.add(partitionKey(partition));
  }

  /**
   * Writes a batch to a partition, behind those that are being written to it. Resolves with the offset of its first record;
   * a rejection also makes `commit` reject.
   */
  produce(target: TopicPartition, batch: BatchBuilder): Promise<number> {
    const key = partitionKey(target);
    const previous = this.#sending.get(key);
    const sent = (async () => {
      await previous; // one at a time: a repetition must not overtake
      await this.add([target]);
      return this.#send(target, key, batch);
    })();
    sent.catch((reason: unknown) => {
      this.#failure ??= reason;
    });
    this.#sending.set(key, sent);
    return sent;
  }

  async #send(target: TopicPartition, key: string, batch: BatchBuilder): Promise<number> {
    const { codec, compression, transactionalId, timeoutMs } = this.#options;
    const sequence = this.#sequences.get(key) ?? 0;
    const producer = { producerId: this.#producerId, producerEpoch: this.#producerEpoch, sequence };
    const { count } = batch;
    const bytes = batch.build(codec, compression, producer);
    const offset = await this.#retry(async () => {
      const leader = await this.#cluster.leader(target.topic, target.partition);
      return produceBatch(this.#cluster, leader, target, transactionalId, bytes, timeoutMs);
    });
    this.#sequences.set(key, (sequence + count) % maxSequence);
    return offset;
  }

  /**
   * Commits what was produced, together with consumed offsets. `identity` is asked for right before they are sent; a broker
   * refuses them with `ILLEGAL_GENERATION` or `UNKNOWN_MEMBER_ID` once the member was excluded from its group.
   */
  async commit(offsets: readonly ConsumedOffset[], identity: () => Promise<GroupIdentity>): Promise<void> {
    await Promise.all(this.#sending.values());
    if (this.#failure) throw this.#failure as Error; // a rejection of `produce`
    const { addOffsetsToTxnV3 } = this.#cluster.library;
    const { transactionalId } = this.#options;
    const group = await identity();
    await this.#coordinator('add offsets', (node, what) =>
      this.#cluster.call(node, what, addOffsetsToTxnV3.api, [
        transactionalId,
        this.#producerId,
        this.#producerEpoch,
        group.groupId,
      ]),
    );
    await this.#retry(async () => this.#commitOffsets(offsets, await identity()));
    await this.#end(true);
  }

  /** Aborts the transaction. */
  async abort(): Promise<void> {
    await Promise.allSettled(this.#sending.values());
    if (this.#added.size > 0) await this.#end(false);
  }

  async #commitOffsets(offsets: readonly ConsumedOffset[], group: GroupIdentity): Promise<void> {
    const { txnOffsetCommitV3 } = this.#cluster.library;
    const node = await this.#cluster.coordinator('group', group.groupId);
    await this.#cluster.call(node, `commit offsets of group ${group.groupId}`, txnOffsetCommitV3.api, [
      this.#options.transactionalId,
      group.groupId,
      this.#producerId,
      this.#producerEpoch,
      group.generation,
      group.memberId,
      null,
      Array.from(groupByTopic(offsets), ([name, list]) => ({
        name,
        partitions: list.map(({ partition, offset, metadata }) => ({
          partitionIndex: partition,
          committedOffset: BigInt(offset),
          committedLeaderEpoch: -1,
          committedMetadata: metadata,
        })),
      })),
    ]);
  }

  async #end(isCommit: boolean): Promise<void> {
    const { endTxnV3 } = this.#cluster.library;
    await this.#coordinator(isCommit ? 'commit' : 'abort', (node, what) =>
      this.#cluster.call(node, what, endTxnV3.api, [
        this.#options.transactionalId,
        this.#producerId,
        this.#producerEpoch,
        isCommit,
      ]),
    );
    this.#added.clear();
    this.#sending.clear();
  }

  #coordinator<Result>(what: string, work: (node: number, what: string) => Promise<Result>): Promise<Result> {
    const { transactionalId } = this.#options;
    return this.#retry(async () => {
      const node = await this.#cluster.coordinator('transaction', transactionalId);
      return work(node, `${what}, transactional id ${transactionalId}`);
    });
  }

  #retry<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.#cluster.retry(work, this.#options.timeoutMs, this.#options.signal);
  }
}

/** Whether another producer has taken the transactional id over, or the broker has given the transaction up. */
export function isFenced(reason: unknown): boolean {
  return hasCode(
    reason,
    'PRODUCER_FENCED',
    'INVALID_PRODUCER_EPOCH',
    'INVALID_PRODUCER_ID_MAPPING',
    'INVALID_TXN_STATE',
    'OUT_OF_ORDER_SEQUENCE_NUMBER',
    'UNKNOWN_PRODUCER_ID',
    'TRANSACTION_COORDINATOR_FENCED',
  );
}

/** Whether the member is no longer in its group, or in another generation of it. */
export function isExpelled(reason: unknown): boolean {
  return hasCode(reason, 'UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'FENCED_INSTANCE_ID');
}

/** Whether the group refuses the member's offsets: it is expelled, or a rebalance has begun. */
export function isExcluded(reason: unknown): boolean {
  return isExpelled(reason) || hasCode(reason, 'REBALANCE_IN_PROGRESS');
}
