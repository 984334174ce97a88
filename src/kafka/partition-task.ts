import { setImmediate as turn } from 'node:timers/promises';
import { UdfError } from '../model/errors.js';
import type { Logger } from '../telemetry/logger.js';
import {
  type ChangelogRecord,
  ChangelogReader,
  decodeMetadata,
  encodeMetadata,
  type RestoredPartition,
  snapshotRecords,
  stepRecord,
} from './changelog.js';
import { BatchBuilder } from './client/record-batch.js';
import { FeedingPace } from './feeding-pace.js';
import type { InputBuffer } from './input-buffer.js';
import { OutputRecords } from './output-records.js';
import type { PartitionCounters } from './partition-counters.js';
import type { PartitionStore } from './partition-store.js';
import { PartitionUdf, type UdfSettings } from './partition-udf.js';
import { TaskEnd } from './task-end.js';

/** How often a partition's progress is committed, and how output is written. */
export interface TaskSettings extends UdfSettings {
  /** Time from the first record of a transaction to its commit. */
  readonly commitIntervalMs: number;
  /** Min time between snapshots of a state that is not small. */
  readonly snapshotIntervalMs: number;
  /** Lines are packed into records of up to so many bytes; each line is a record if 0. */
  readonly packBytes: number;
}

export interface PartitionTaskOptions extends TaskSettings {
  readonly partition: number;
  readonly store: PartitionStore;
  readonly input: InputBuffer;
  readonly counters: PartitionCounters;
  readonly logger: Logger;
  /** Nanoseconds since the epoch. */
  readonly now?: (() => bigint) | undefined;
}

/** States up to this size are written with each transaction: that costs no more than what would tell to repeat it. */
const smallStateBytes = 16 * 1024;
/** Min time between snapshots, as a multiple of the time that one takes. */
const snapshotSpacing = 20;
/** Max transactions to repeat. */
const maxSteps = 10_000;
/** Min time of the UDF for what it is given ahead. */
const minAheadMs = 100;
const maxTransactionBytes = 32 * 1024 * 1024;
const sliceMs = 8;
const recordsPerCheck = 8;
const changelogBatchBytes = 600 * 1024;

/**
 * Runs the UDF of one partition in transactions: output, state and offset are committed together, so that consumers which
 * read committed records only see the output of each record exactly once.
 *
 * A snapshot at each commit would cost as much as the state is large. So it is taken at intervals, and each transaction in
 * between only adds to the changelog how far it went and what time it was. Who takes the partition over restores the
 * snapshot, and repeats these transactions from the input without their output: the state is then what it was.
 */
export class PartitionTask {
  readonly #options: PartitionTaskOptions;
  readonly #now: () => bigint;
  readonly #output: OutputRecords;
  #udf: PartitionUdf | undefined;
  #time = 0n;
  readonly #end: TaskEnd;
  /** The newest snapshot; `undefined` before the first. */
  #snapshot: { readonly id: bigint; readonly at: number; readonly chunks: number } | undefined;
  #steps = 0;
  #isSmall = true;
  #snapshotAt = -Infinity;
  #snapshotMs = 0;
  #pointsBefore = 0;
  readonly #pace: FeedingPace;

  constructor(options: PartitionTaskOptions) {
    this.#options = options;
    this.#end = new TaskEnd(options.input);
    this.#now = options.now ?? (() => BigInt(Date.now()) * 1_000_000n);
    const { store, packBytes, counters, commitIntervalMs } = options;
    this.#pace = new FeedingPace(Math.max(commitIntervalMs / 4, minAheadMs));
    this.#output = new OutputRecords({
      packBytes,
      write: (batch) => store.writeOutput(batch),
      writeDeadLetters: store.writeDeadLetters,
      counters,
      resume: () => this.#udf?.resume(),
      origin: `${options.taskId}, partition ${options.partition}`,
    });
  }

  /**
   * Processes the partition until `close` or `cancel`. Rejects with what ends it: a `BrokerError`, after which a new task
   * may succeed, or a `UdfError` of the UDF or of a changelog that cannot be used.
   */
  async run(): Promise<void> {
    const { input } = this.#options;
    try {
      await this.#open();
      while (this.#end.isRunning()) {
        await input.changed(this.#waitMs());
        if (this.#end.isRunning() && (input.peek() ?? this.#isTimerDue)) await this.#transaction(false);
      }
      // So that who takes over has nothing to repeat.
      if (!this.#end.isCancelled() && this.#steps > 0) await this.#transaction(true);
    } catch (reason) {
      if (!this.#end.isCancelled()) throw reason;
    } finally {
      input.stop();
      await this.#udf?.destroy();
    }
  }

  /** Ends `run` after the transaction that is under way, with a snapshot. */
  close(): void {
    this.#end.close();
  }

  /** Ends `run` without a commit: the partition may belong to another worker. */
  cancel(): void {
    this.#end.cancel();
    void this.#udf?.destroy();
  }

  get #isTimerDue(): boolean {
    const next = this.#udf?.nextTimer;
    return next !== undefined && next <= this.#now();
  }

  #waitMs(): number {
    const next = this.#udf?.nextTimer;
    const longest = 60_000;
    if (next === undefined) return longest;
    return Math.min(Math.max(Number((next - this.#now()) / 1_000_000n) + 1, 0), longest);
  }

  // ---- taking over ----

  async #open(): Promise<void> {
    const started = performance.now();
    const { store, input, counters, logger } = this.#options;
    const { offset: committed, metadata } = await store.open();
    const changelogAt = committed < 0 ? undefined : decodeMetadata(metadata);
    const restored = changelogAt === undefined ? undefined : await this.#read(changelogAt, committed);
    this.#time = restored?.snapshot.time ?? this.#now();
    this.#udf = new PartitionUdf({
      ...this.#options,
      time: this.#time,
      sink: this.#output,
      dropped: (line, reason) => {
        this.#output.deadLetter(line, reason);
      },
    });
    await this.#udf.start();
    if (restored && changelogAt !== undefined) {
      await this.#restore(this.#udf, restored, changelogAt);
    } else {
      if (committed >= 0) {
        logger.warn({ offset: committed }, 'the offset was set by hand: the state begins afresh with it');
      }
      input.seek(committed >= 0 ? committed : await store.startOffset());
    }
    counters.committed = input.position;
    counters.restoreSeconds = (performance.now() - started) / 1000;
    const { groups } = this.#udf;
    const repeated = counters.repeatedRecords;
    logger.info(
      { offset: input.position, groups, repeated, seconds: counters.restoreSeconds },
      'partition taken over',
    );
  }

  async #read(changelogAt: number, committed: number): Promise<RestoredPartition> {
    const reader = new ChangelogReader();
    await this.#options.store.readChangelog(changelogAt, (value) => {
      reader.add(value);
    });
    return reader.finish(committed);
  }

  async #restore(
    udf: PartitionUdf,
    { snapshot, chunks, steps }: RestoredPartition,
    at: number,
  ): Promise<void> {
    const { input, counters } = this.#options;
    await udf.restore(snapshot.state);
    this.#snapshot = { id: snapshot.id, at, chunks };
    this.#isSmall = snapshot.state.length <= smallStateBytes;
    this.#snapshotAt = performance.now();
    this.#steps = steps.length;
    input.seek(snapshot.offset);
    if (steps.length === 0) return;
    this.#output.isSuppressed = true;
    counters.repeatedRecords = 0;
    for (const step of steps) {
      udf.moveClock(step.time);
      this.#time = step.time;
      await this.#repeat(udf, step.offset);
      await udf.settled();
    }
    this.#output.isSuppressed = false;
    this.#pointsBefore = udf.pointsOut;
  }

  /** Repeats the records before an offset. */
  async #repeat(udf: PartitionUdf, end: number): Promise<void> {
    const { input } = this.#options;
    for (;;) {
      this.#options.counters.repeatedRecords += this.#feed(udf, end);
      await udf.drained();
      await turn();
      if (this.#end.isCancelled()) throw cancelled();
      const next = input.peek();
      if (next ? next.offset >= end : input.position >= end) return;
      if (!next) await input.changed(1000);
    }
  }

  // ---- transactions ----

  /** `isLast`: nothing is read any more. */
  async #transaction(isLast: boolean): Promise<void> {
    const { input, commitIntervalMs, counters } = this.#options;
    const udf = this.#udf!; // set by `#open`
    const now = this.#now();
    this.#time = now > this.#time ? now : this.#time + 1n;
    udf.moveClock(this.#time);
    const end = performance.now() + commitIntervalMs;
    while (!isLast) {
      const { maxRecords } = this.#pace;
      this.#pace.start();
      const records = this.#feed(udf, Infinity, maxRecords);
      this.#pace.sent(records);
      counters.recordsIn += records;
      await udf.drained();
      if (maxRecords !== Infinity) await this.#settled(udf);
      await turn();
      if (!this.#end.isRunning() || performance.now() >= end || this.#output.bytes > maxTransactionBytes)
        break;
      if (input.peek() === undefined) await input.changed(end - performance.now());
      if (!this.#end.isRunning()) break;
    }
    await this.#settled(udf);
    this.#output.flush();
    this.#assertOpen();
    await this.#commit(udf, isLast);
    counters.pointsIn = udf.pointsIn;
    counters.pointsOut += udf.pointsOut - this.#pointsBefore;
    this.#pointsBefore = udf.pointsOut;
    counters.groups = udf.groups;
  }

  async #settled(udf: PartitionUdf): Promise<void> {
    await udf.settled();
    this.#pace.settled(udf.handlerSeconds);
  }

  async #commit(udf: PartitionUdf, isLast: boolean): Promise<void> {
    const { store, input, counters } = this.#options;
    const { position } = input;
    const isDue =
      !this.#snapshot || this.#isSmall || isLast || this.#steps >= maxSteps || this.#isSnapshotDue;
    if (isDue) await this.#takeSnapshot(udf, position);
    else {
      const step = stepRecord(this.#snapshot!.id, this.#steps, { offset: position, time: this.#time }); // else it is due
      void this.#write([step]).catch(() => undefined); // `commit` rejects then
      this.#steps++;
    }
    this.#assertOpen();
    await store.commit(position, encodeMetadata(this.#snapshot!.at)); // set by the first snapshot
    this.#output.committed();
    counters.transactions++;
    counters.committed = position;
  }

  get #isSnapshotDue(): boolean {
    const intervalMs = Math.max(this.#options.snapshotIntervalMs, snapshotSpacing * this.#snapshotMs);
    return performance.now() - this.#snapshotAt >= intervalMs;
  }

  async #takeSnapshot(udf: PartitionUdf, offset: number): Promise<void> {
    const started = performance.now();
    const { counters } = this.#options;
    const state = Buffer.from((await udf.snapshot()) as Buffer);
    const id = this.#time;
    const records = snapshotRecords({ id, offset, time: this.#time, state }, this.#snapshot?.chunks ?? 0);
    const at = await this.#write(records);
    this.#snapshot = { id, at, chunks: records.filter(({ value }) => value !== undefined).length };
    this.#steps = 0;
    this.#isSmall = state.length <= smallStateBytes;
    this.#snapshotAt = performance.now();
    this.#snapshotMs = this.#snapshotAt - started;
    counters.snapshots++;
    counters.snapshotBytes = state.length;
  }

  /** Writes records to the changelog. Resolves with the offset of the first one. */
  async #write(records: readonly ChangelogRecord[]): Promise<number> {
    const { store } = this.#options;
    const offsets: Promise<number>[] = [];
    let batch = new BatchBuilder();
    for (const { key, value } of records) {
      if (batch.count > 0 && batch.bytes + (value?.length ?? 0) > changelogBatchBytes) {
        offsets.push(store.writeChangelog(batch));
        batch = new BatchBuilder();
      }
      batch.add(key, value);
    }
    offsets.push(store.writeChangelog(batch));
    const [first] = await Promise.all(offsets);
    if (first === undefined || first < 0) {
      throw new UdfError('internal', 'the broker did not tell where the changelog was written');
    }
    return first;
  }

  /** Sends records before an offset to the UDF, for a few milliseconds. Returns how many. */
  #feed(udf: PartitionUdf, before: number, maxRecords = Infinity): number {
    const { input } = this.#options;
    const start = performance.now();
    let count = 0;
    for (;;) {
      const reader = input.peek();
      if (!reader || reader.offset >= before) return count;
      const hasRoom = udf.record(reader);
      input.take();
      count++;
      if (
        !hasRoom ||
        count >= maxRecords ||
        (count % recordsPerCheck === 0 && performance.now() - start > sliceMs)
      )
        return count;
    }
  }

  #assertOpen(): void {
    if (this.#end.isCancelled()) throw cancelled();
  }
}

function cancelled(): UdfError {
  return new UdfError('connection', 'the partition belongs to another worker');
}
