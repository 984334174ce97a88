import { BatchBuilder, type RecordHeader, sendBatchBytes } from './client/record-batch.js';

export interface DeadLetterOptions {
  /** `undefined` if dead letters are only counted. */
  readonly write: ((batch: BatchBuilder) => Promise<unknown>) | undefined;
  readonly counters: { deadLetters: number };
  /** Where dead letters come from. */
  readonly origin: string;
}

/** Counts dropped lines, and sends them in batches with the reason as a header. */
export class DeadLetterRecords {
  readonly #options: DeadLetterOptions;
  #batch: BatchBuilder | undefined;

  constructor(options: DeadLetterOptions) {
    this.#options = options;
  }

  /** Adds the line `buf[start..end)`. */
  add(reason: string, buf: Buffer, start = 0, end = buf.length): void {
    const { write, counters, origin } = this.#options;
    counters.deadLetters++;
    if (!write) return;
    this.#batch ??= new BatchBuilder();
    const headers: RecordHeader[] = [
      ['error', Buffer.from(reason)],
      ['origin', Buffer.from(origin)],
    ];
    this.#batch.add(undefined, buf, start, end, headers);
    if (this.#batch.bytes >= sendBatchBytes) this.flush();
  }

  /** Sends the lines that are left. */
  flush(): void {
    const batch = this.#batch;
    if (!batch) return;
    this.#batch = undefined;
    void this.#options.write?.(batch).catch(() => undefined); // the commit rejects then
  }
}
