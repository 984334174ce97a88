import type { LineSink } from '../lines/line-output.js';
import { BatchBuilder, sendBatchBytes } from './client/record-batch.js';
import { DeadLetterRecords } from './dead-letter-records.js';

export interface OutputRecordsOptions {
  /** Lines are packed into records of up to this many bytes; each line is a record if 0. */
  readonly packBytes: number;
  readonly write: (batch: BatchBuilder) => Promise<unknown>;
  readonly writeDeadLetters: ((batch: BatchBuilder) => Promise<unknown>) | undefined;
  readonly counters: { deadLetters: number };
  /** Called when the sink is not blocked any more. */
  readonly resume: () => void;
  /** Where dead letters come from. */
  readonly origin: string;
}

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
  readonly #deadLetters: DeadLetterRecords;
  #unsent = 0;

  constructor(options: OutputRecordsOptions) {
    this.#options = options;
    const { writeDeadLetters: write, counters, origin } = options;
    this.#deadLetters = new DeadLetterRecords({ write, counters, origin });
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
      if (this.#batch.bytes >= sendBatchBytes) this.#send();
    }
  }

  /** Writes a line that was dropped, with the reason, where such lines are kept. */
  deadLetter(line: Buffer, reason: string): void {
    if (!this.isSuppressed) this.#deadLetters.add(reason, line);
  }

  /** Sends what is left. */
  flush(): void {
    if (this.#batch.count > 0) this.#send();
    this.#deadLetters.flush();
  }

  /** The transaction has ended. */
  committed(): void {
    this.bytes = 0;
  }

  #send(): void {
    const batch = this.#batch;
    const { bytes } = batch;
    this.#batch = new BatchBuilder(Math.min(bytes + 1024, sendBatchBytes + 64 * 1024));
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
