import { messageOf } from '../model/errors.js';
import type { Logger } from '../telemetry/logger.js';
import { hasCode, isRetriable } from './client/broker-error.js';
import type { Cluster } from './client/cluster.js';
import { type BatchCodec, endOfBatches, RecordReader } from './client/record-batch.js';
import { type FetchedPartition, fetchRecords, partitionKey, type TopicPartition } from './client/requests.js';
import type { InputBuffer } from './input-buffer.js';

const maxWaitMs = 250;
const maxBytes = 8 * 1024 * 1024;
const maxPartitionBytes = 1024 * 1024;
const retryMs = 200;

interface Source extends TopicPartition {
  readonly input: InputBuffer;
  readonly fail: (reason: unknown) => void;
}

/** Fetches records for partitions whose buffers have room: one request at a time to each broker. */
export class Fetcher {
  readonly #cluster: Cluster;
  readonly #codec: BatchCodec;
  readonly #logger: Logger;
  readonly #sources = new Map<string, Source>();
  /** The brokers that a request is under way to. */
  readonly #busy = new Set<number>();
  #isScheduled = false;

  constructor(cluster: Cluster, codec: BatchCodec, logger: Logger) {
    this.#cluster = cluster;
    this.#codec = codec;
    this.#logger = logger;
  }

  /** Adds a partition; `fail` is called once if it cannot be read. */
  add(partition: TopicPartition, input: InputBuffer, fail: (reason: unknown) => void): void {
    this.#sources.set(partitionKey(partition), { ...partition, input, fail });
    this.schedule();
  }

  remove(partition: TopicPartition): void {
    this.#sources.delete(partitionKey(partition));
  }

  /** Fetches what is wanted, after this turn. */
  schedule(): void {
    if (this.#isScheduled || this.#cluster.signal.aborted) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      void this.#fetch();
    });
  }

  async #fetch(): Promise<void> {
    const byNode = new Map<number, Source[]>();
    for (const source of this.#sources.values()) {
      if (source.input.wanted === undefined) continue;
      try {
        const node = await this.#cluster.leader(source.topic, source.partition);
        if (!this.#busy.has(node)) byNode.set(node, [...(byNode.get(node) ?? []), source]);
      } catch (reason) {
        this.#retryLater(reason);
        // A partition without a leader does not keep the others from being read.
        if (!hasCode(reason, 'LEADER_NOT_AVAILABLE')) return;
      }
    }
    for (const [node, sources] of byNode) if (!this.#busy.has(node)) void this.#fetchFrom(node, sources);
  }

  async #fetchFrom(node: number, sources: readonly Source[]): Promise<void> {
    const wanted = sources.flatMap((source) => {
      const offset = source.input.wanted; // it may have changed while the leaders were looked up
      return offset === undefined ? [] : [{ source, offset, done: source.input.fetching() }];
    });
    if (wanted.length === 0) return;
    this.#busy.add(node);
    try {
      const targets = wanted.map(({ source: { topic, partition }, offset }) => ({
        topic,
        partition,
        offset,
      }));
      const limits = { maxWaitMs, maxBytes, maxPartitionBytes };
      const fetched = new Map(
        (await fetchRecords(this.#cluster, node, targets, limits)).map((part) => [partitionKey(part), part]),
      );
      for (const { source, offset, done } of wanted)
        this.#take(source, offset, done, fetched.get(partitionKey(source)));
    } catch (reason) {
      for (const { done } of wanted) done();
      this.#retryLater(reason);
      return;
    } finally {
      this.#busy.delete(node);
    }
    this.schedule();
  }

  #take(
    { input, fail, topic, partition }: Source,
    offset: number,
    done: ReturnType<InputBuffer['fetching']>,
    fetched: FetchedPartition | undefined,
  ): void {
    const { error, batches, aborted, highWatermark } = fetched ?? {};
    if (error) {
      done();
      if (isRetriable(error)) this.#cluster.forget();
      else {
        this.remove({ topic, partition });
        fail(error);
      }
      return;
    }
    if (highWatermark !== undefined) input.highWatermark = highWatermark;
    const end = batches && endOfBatches(batches);
    if (!batches || end === undefined) done();
    else {
      const reader = new RecordReader(this.#codec, batches, offset, aborted);
      done({ reader, bytes: batches.length, end: Math.max(end, offset) });
    }
  }

  #retryLater(reason: unknown): void {
    if (this.#cluster.signal.aborted) return;
    // Brokers that do not answer are reported once for all requests.
    if (!isRetriable(reason)) this.#logger.warn({}, `cannot fetch yet: ${messageOf(reason)}`);
    this.#cluster.forget();
    setTimeout(() => {
      this.schedule();
    }, retryMs).unref();
  }
}
