import { setImmediate as turn } from 'node:timers/promises';
import { UdfError } from '../model/errors.js';
import type { Logger } from '../telemetry/logger.js';
import type { RestoredPartition } from './changelog.js';
import { FeedingPace } from './feeding-pace.js';
import type { InputBuffer } from './input-buffer.js';
import { OutputRecords } from './output-records.js';
import type { PartitionCounters } from './partition-counters.js';
import type { PartitionStore } from './partition-store.js';
import { PartitionUdf, type UdfSettings } from './partition-udf.js';
import { StateChangelog } from './state-changelog.js';
import { TaskEnd } from './task-end.js';

/** How often a partition's progress is committed, and how output is written. */
export interface TaskSettings extends UdfSettings {
  /** Time from the first record of a transaction to its commit. */
  readonly commitIntervalMs: number;
  /** Min time between snapshots of a state that is not small. */
  readonly snapshotIntervalMs: number;
  /** Lines are packed into records of up to this many bytes; each line is a record if 0. */
  readonly packBytes: number;
}

export interface PartitionTaskOptions extends TaskSettings {
  readonly partition: number;
  readonly store: PartitionStore;
  readonly input: InputBuffer;
  readonly counters: PartitionCounters;
  readonly logger: Logger;
}

/** Min budget of a `FeedingPace`. */
const minBudgetMs = 100;
const maxTransactionBytes = 32 * 1024 * 1024;
/** Max time to send records without letting other work of the process run. */
const sliceMs = 8;
const recordsPerTimeCheck = 8;
/** Max time to wait for records; a timer of the UDF may end it earlier. */
const maxWaitMs = 60_000;

/**
 * Runs the UDF of one partition in transactions: output, state and offset are committed together, so that consumers which
 * read committed records only see the output of each record exactly once.
 *
 * To take a partition over, it restores the newest snapshot, and repeats the transactions since then from the input, without
 * their output: the state is then what it was.
 */
export class PartitionTask {
  readonly #options: PartitionTaskOptions;
  readonly #output: OutputRecords;
  #udf: PartitionUdf | undefined;
  #time = 0n;
  readonly #end: TaskEnd;
  readonly #changelog: StateChangelog;
  #pointsBefore = 0;
  readonly #pace: FeedingPace;

  constructor(options: PartitionTaskOptions) {
    this.#options = options;
    this.#end = new TaskEnd(options.input);
    const { store, packBytes, counters, commitIntervalMs } = options;
    this.#changelog = new StateChangelog({ ...options, udf: options.udf.name });
    this.#pace = new FeedingPace(Math.max(commitIntervalMs / 4, minBudgetMs));
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
      // With a snapshot, the next owner has nothing to repeat.
      if (!this.#end.isCancelled() && this.#changelog.steps > 0) await this.#transaction(true);
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
    return next !== undefined && next <= now();
  }

  #waitMs(): number {
    const next = this.#udf?.nextTimer;
    if (next === undefined) return maxWaitMs;
    return Math.min(Math.max(Number((next - now()) / 1_000_000n) + 1, 0), maxWaitMs);
  }

  // ---- taking over ----

  async #open(): Promise<void> {
    const started = performance.now();
    const { store, input, counters, logger } = this.#options;
    const { offset: committed, metadata } = await store.open();
    const restored = await this.#changelog.read(committed, metadata);
    this.#time = restored?.snapshot.time ?? now();
    this.#udf = new PartitionUdf({
      ...this.#options,
      time: this.#time,
      sink: this.#output,
      dropped: (line, reason) => {
        this.#output.deadLetter(line, reason);
      },
    });
    await this.#udf.start();
    if (restored) {
      await this.#restore(this.#udf, restored);
    } else {
      await this.#begin(this.#udf, committed);
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

  /**
   * Begins with a fresh state. The offset is committed at once, so that the next owner begins there, too, if no record comes
   * before.
   */
  async #begin(udf: PartitionUdf, committed: number): Promise<void> {
    const { store, input, logger } = this.#options;
    if (committed >= 0) {
      logger.warn({ offset: committed }, 'the offset was set by hand: the state begins afresh with it');
    } else if (await store.hasState()) {
      const causes = 'it was deleted, or has expired (offsets.retention.minutes)';
      logger.warn({}, `the consumer group has no offset any more: ${causes}; the state begins afresh`);
    }
    input.seek(committed >= 0 ? committed : await store.startOffset());
    this.#assertOpen();
    await this.#commit(udf, true);
  }

  async #restore(udf: PartitionUdf, { snapshot, steps }: RestoredPartition): Promise<void> {
    const { input, counters } = this.#options;
    await udf.restore(snapshot.state);
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

  /** `isLast`: reads nothing, and writes a snapshot. */
  async #transaction(isLast: boolean): Promise<void> {
    const { input, commitIntervalMs, counters } = this.#options;
    const udf = this.#udf!; // set by `#open`
    const time = now();
    this.#time = time > this.#time ? time : this.#time + 1n;
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
    const transaction = { offset: position, time: this.#time };
    const metadata = await this.#changelog.write(transaction, () => udf.snapshot(), isLast);
    this.#assertOpen();
    await store.commit(position, metadata);
    this.#output.committed();
    counters.transactions++;
    counters.committed = position;
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
        (count % recordsPerTimeCheck === 0 && performance.now() - start > sliceMs)
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

/** Nanoseconds since the epoch. */
function now(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}
