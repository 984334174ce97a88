import type { Readable, Writable } from 'node:stream';

/** A duplex byte stream to Kapacitor. Input and output may be one object (a socket) or two (stdin and stdout). */
export interface Transport {
  /** What it is, for log lines: `unix:/run/udf/mirror.sock#3`, `stdio`, `memory`. */
  readonly description: string;
  readonly input: Readable;
  readonly output: Writable;
  /** Closes both directions at once and drops queued bytes. Idempotent. */
  destroy(error?: Error): void;
}
