import type { LineSink } from '../lines/line-output.js';
import { BatchBuilder, type RecordHeader } from './client/record-batch.js';

export interface OutputRecordsOptions {
  /** Lines are packed into records of up to so many bytes; each line is a record if 0. */
  readonly packBytes: number;
  readonly write: (batch: BatchBuilder) => Promise<unknown>;
  readonly writeDeadLetters: ((batch: BatchBuilder) => Promise<unknown>) | undefined;
  readonly counters: { deadLetters: number };
  /** Called when the sink is not blocked any more. */
  readonly resume: () => void;
  /** Where dead letters come from. */
  readonly origin: string;
}

/** A batch is sent at this size: brokers take up to a megabyte by default. */
const batchBytes = 512 * 1024;
/** With more bytes than this on their way, what the UDF emits is not read. */
const maxUnsentBytes = 8 * 1024 * 1024;

/** Makes records of the lines of a UDF, and sends them in batches. */
export class OutputRecords implements LineSink {
  /** Whether lines are dropped: they have been written before. */
  isSuppressed = false;
  /** Bytes of the open transaction. */
  bytes = 0;
  readonly #options: OutputRecordsOptions;
  #batch = new BatchBuilder();
  #deadLetters: BatchBuilder | undefined;
  #unsent = 0;

  constructor(options: OutputRecordsOptions) {
    this.#options = options;
  }

  get isBlocked(): boolean {
    return this.#unsent > maxUnsentBytes;
  }

  write(chunk: Buffer, ends: Int32Array, lines: number): void {
    if (this.isSuppressed) return;
    const { packBytes } = this.#options;
    let start = 0;
    for (let line = 0; line < lines;) {
      let end = ends[line++]!;
      while (line < lines && ends[line]! - start <= packBytes) end = ends[line++]!;
      // A record of one line has no newline, as Telegraf writes it.
      this.#batch.add(undefined, chunk, start, packBytes === 0 ? end - 1 : end);
      start = end;
      if (this.#batch.bytes >= batchBytes) this.#send();
    }
  }

  /** Writes a line that was dropped, with the reason, where such lines are kept. */
  deadLetter(line: Buffer, reason: string): void {
    if (this.isSuppressed) return;
    const { writeDeadLetters, counters, origin } = this.#options;
    counters.deadLetters++;
    if (!writeDeadLetters) return;
    this.#deadLetters ??= new BatchBuilder();
    const headers: RecordHeader[] = [
      ['error', Buffer.from(reason)],
      ['origin', Buffer.from(origin)],
    ];
    this.#deadLetters.add(undefined, line, 0, line.length, headers);
    if (this.#deadLetters.bytes >= batchBytes) this.#sendDeadLetters();
  }

  /** Sends what is left. */
  flush(): void {
    if (this.#batch.count > 0) this.#send();
    if (this.#deadLetters) this.#sendDeadLetters();
  }

  /** The transaction has ended. */
  committed(): void {
    this.bytes = 0;
  }

  #sendDeadLetters(): void {
    const batch = this.#deadLetters!; // callers check
    this.#deadLetters = undefined;
    void this.#options.writeDeadLetters?.(batch).catch(() => undefined); // the commit rejects then
  }

  #send(): void {
    const batch = this.#batch;
    const { bytes } = batch;
    this.#batch = new BatchBuilder(Math.min(bytes + 1024, batchBytes + 64 * 1024));
    this.bytes += bytes;
    this.#unsent += bytes;
    const sent = (): void => {
      const before = this.#unsent;
      this.#unsent -= bytes;
      if (before > maxUnsentBytes && this.#unsent <= maxUnsentBytes) this.#options.resume();
    };
    this.#options.write(batch).then(sent, sent); // the commit rejects if it has failed
  }
}
