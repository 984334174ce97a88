import { setImmediate as turn } from 'node:timers/promises';
import { messageOf } from '../model/errors.js';
import { groupId } from '../recording/groups.js';
import { LineParser } from '../recording/line-parser.js';
import { isEmpty, parseCurrentLine } from '../recording/line-protocol.js';
import { LineSplitter, maxLineBytes } from '../recording/line-splitter.js';
import { BatchBuilder, type RecordReader, sendBatchBytes } from './client/record-batch.js';
import type { TopicPartition } from './client/requests.js';
import { DeadLetterRecords } from './dead-letter-records.js';
import type { InputBuffer } from './input-buffer.js';
import type { KafkaPartition } from './kafka-partition.js';
import type { PartitionCounters } from './partition-counters.js';
import { TaskEnd } from './task-end.js';

export interface RepartitionTaskOptions {
  readonly store: KafkaPartition;
  readonly input: InputBuffer;
  readonly counters: PartitionCounters;
  readonly groupBy: readonly string[] | undefined;
  /** The partition of the input, and how many there are. */
  readonly partition: number;
  readonly inputPartitions: number;
  /** The keyed topic and the number of its partitions. */
  readonly topic: string;
  readonly partitions: number;
  /** Kafka's hash of a key. */
  readonly hash: (key: Buffer) => number;
  readonly commitIntervalMs: number;
  readonly origin: string;
}

/** Lines of one partition are packed into records of this size. */
const recordBytes = 16 * 1024;
const maxTransactionBytes = 32 * 1024 * 1024;
const sliceMs = 8;
const newline = 0x0a;

/**
 * Writes the lines of a partition to a topic in which each group of points has one partition. Exactly once, as all tasks:
 * the lines and the offset are committed together.
 */
export class RepartitionTask {
  readonly #options: RepartitionTaskOptions;
  readonly #splitter = new LineSplitter(maxLineBytes, '');
  readonly #parser: LineParser<number>;
  /** Lines that wait, by partition. */
  readonly #lines: { readonly buf: Buffer; at: number }[];
  readonly #batches: BatchBuilder[];
  readonly #deadLetters: DeadLetterRecords;
  #sent = 0;
  /** Of the offsets that are committed. */
  #metadata = '';
  readonly #end: TaskEnd;

  constructor(options: RepartitionTaskOptions) {
    this.#options = options;
    this.#end = new TaskEnd(options.input);
    const { groupBy, hash, partitions, store, counters, origin } = options;
    this.#deadLetters = new DeadLetterRecords({ write: store.writeDeadLetters, counters, origin });
    this.#parser = new LineParser(
      (name, tags) => {
        const dimensions = groupBy ?? Object.keys(tags).sort();
        return (
          (hash(Buffer.from(groupId({ name, tags, dimensions, byName: true }))) & 0x7fffffff) % partitions
        );
      },
      { allowUnsigned: true },
    );
    this.#lines = Array.from({ length: partitions }, () => ({
      buf: Buffer.allocUnsafeSlow(recordBytes),
      at: 0,
    }));
    this.#batches = Array.from({ length: partitions }, () => new BatchBuilder());
    this.#splitter.finish(); // each record ends with its value
  }

  /** Processes the partition until `close` or `cancel`. Rejects with a `BrokerError`. */
  async run(): Promise<void> {
    const { input, counters } = this.#options;
    try {
      await this.#open();
      counters.committed = input.position;
      while (this.#end.isRunning()) {
        await input.changed(60_000);
        if (this.#end.isRunning() && input.peek()) await this.#transaction();
      }
    } catch (reason) {
      if (!this.#end.isCancelled()) throw reason;
    } finally {
      input.stop();
    }
  }

  close(): void {
    this.#end.close();
  }

  cancel(): void {
    this.#end.cancel();
  }

  /**
   * Continues where the group was. Without an offset, a partition that was added to the topic after the group had begun is
   * read from its first record, whatever `--offset-reset` says: nothing of it was written before. Where it begins is
   * committed at once, so that records which come while no worker runs are read.
   */
  async #open(): Promise<void> {
    const { store, input, partition, inputPartitions } = this.#options;
    const { offset, metadata } = await store.open();
    const begun =
      offset >= 0 ? decodeBegun(metadata) : smallestBegun(await store.committedOffsets(inputPartitions));
    this.#metadata = encodeBegun(begun ?? inputPartitions);
    if (offset >= 0) {
      input.seek(offset);
      return;
    }
    const isNew = begun !== undefined && partition >= begun;
    input.seek(await store.startOffset(isNew ? 'earliest' : undefined));
    await store.commit(input.position, this.#metadata);
  }

  async #transaction(): Promise<void> {
    const { input, store, commitIntervalMs, counters } = this.#options;
    const end = performance.now() + commitIntervalMs;
    this.#sent = 0;
    for (;;) {
      this.#feed();
      await turn();
      if (!this.#end.isRunning() || performance.now() >= end || this.#sent > maxTransactionBytes) break;
      if (!input.peek()) await input.changed(end - performance.now());
      if (!this.#end.isRunning()) break;
    }
    for (const partition of this.#lines.keys()) this.#endRecord(partition);
    const targets = [...this.#batches.keys()].filter((partition) => this.#batches[partition]!.count > 0);
    await store.producer.add(targets.map((partition) => this.#target(partition)));
    for (const partition of targets) this.#send(partition);
    this.#deadLetters.flush();
    if (this.#end.isCancelled()) return;
    await store.commit(input.position, this.#metadata);
    counters.transactions++;
    counters.committed = input.position;
  }

  #feed(): void {
    const { input, counters } = this.#options;
    const start = performance.now();
    for (let count = 1; ; count++) {
      const reader = input.peek();
      if (!reader) return;
      this.#record(reader);
      input.take();
      counters.recordsIn++;
      if (count % 32 === 0 && performance.now() - start > sliceMs) return;
    }
  }

  #record(reader: RecordReader): void {
    if (reader.valueStart < 0) return;
    const splitter = this.#splitter;
    const parser = this.#parser;
    splitter.add(reader.buf.subarray(reader.valueStart, reader.valueEnd));
    splitter.finish();
    while (splitter.next('quoted', parser.tryParse)) {
      if (isEmpty(splitter)) continue;
      try {
        parseCurrentLine(splitter, parser);
      } catch (reason) {
        this.#deadLetters.add(messageOf(reason), splitter.buf, splitter.start, splitter.end);
        continue;
      }
      this.#options.counters.pointsIn++;
      this.#line(parser.series, splitter);
    }
  }

  #line(partition: number, { buf, start, end }: LineSplitter): void {
    const bytes = end - start + 1;
    const lines = this.#lines[partition]!; // there is one for each
    if (lines.at + bytes > recordBytes) this.#endRecord(partition);
    if (bytes > recordBytes) {
      this.#add(partition, buf, start, end);
      return;
    }
    lines.at += buf.copy(lines.buf, lines.at, start, end);
    lines.buf[lines.at++] = newline;
  }

  #endRecord(partition: number): void {
    const lines = this.#lines[partition]!; // as above
    if (lines.at > 0) this.#add(partition, lines.buf, 0, lines.at);
    lines.at = 0;
  }

  #add(partition: number, buf: Buffer, start: number, end: number): void {
    const batch = this.#batches[partition]!; // as above
    batch.add(undefined, buf, start, end);
    if (batch.bytes >= sendBatchBytes) this.#send(partition);
  }

  #send(partition: number): void {
    const batch = this.#batches[partition]!; // as above
    this.#batches[partition] = new BatchBuilder();
    this.#sent += batch.bytes;
    void this.#options.store.producer.produce(this.#target(partition), batch).catch(() => undefined); // as above
  }

  #target(partition: number): TopicPartition {
    return { topic: this.#options.topic, partition };
  }
}

/** How many partitions the input had when the group began, as the metadata of a committed offset. */
function encodeBegun(partitions: number): string {
  return `kapacitor-udf/1 begun with ${partitions} partitions`;
}

function decodeBegun(metadata: string): number | undefined {
  const match = /^kapacitor-udf\/1 begun with (\d+) partitions$/.exec(metadata);
  return match ? Number(match[1]) : undefined;
}

function smallestBegun(offsets: readonly { readonly metadata: string }[]): number | undefined {
  const all = offsets.flatMap(({ metadata }) => decodeBegun(metadata) ?? []);
  return all.length === 0 ? undefined : Math.min(...all);
}
