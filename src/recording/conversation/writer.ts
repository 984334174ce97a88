import type { Writable } from 'node:stream';
import { messageOf } from '../../model/errors.js';
import {
  type ConversationHeader,
  encodeEntry,
  encodeHeader,
  type EntryKind,
  maxEntryBytes,
} from './format.js';

/** Nanoseconds from the epoch to the origin of `process.hrtime`. */
const hrtimeOrigin = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();

/** Nanoseconds since the epoch; monotonic, even if the system's clock is set back. */
export function nowNs(): bigint {
  return process.hrtime.bigint() + hrtimeOrigin;
}

export interface ConversationWriterOptions {
  /** Max bytes that wait for the disk, default 64 MiB. Above it, recording stops. */
  readonly maxPendingBytes?: number | undefined;
  /** Called once, if recording stops because of an error. */
  readonly onFailure?: ((problem: string) => void) | undefined;
}

/**
 * Writes one conversation, each entry with the time of its call. It never blocks the conversation and never throws: a
 * disk that is full or too slow ends the recording.
 */
export class ConversationWriter {
  readonly #sink: Writable;
  readonly #maxPendingBytes: number;
  readonly #onFailure: (problem: string) => void;
  #isClosed = false;

  constructor(sink: Writable, header: ConversationHeader, options: ConversationWriterOptions = {}) {
    this.#sink = sink;
    this.#maxPendingBytes = options.maxPendingBytes ?? 64 * 1024 * 1024;
    this.#onFailure = options.onFailure ?? (() => undefined);
    sink.on('error', (reason) => {
      this.#fail(messageOf(reason));
    });
    sink.write(encodeHeader(header));
  }

  /** Records bytes from Kapacitor, which are copied. */
  request(bytes: Uint8Array): void {
    this.#add('request', bytes);
  }

  /** Records bytes from the UDF, which are copied. */
  response(bytes: Uint8Array): void {
    this.#add('response', bytes);
  }

  /** Records that one side has half-closed. */
  end(kind: 'request-end' | 'response-end'): void {
    this.#add(kind, noBytes);
  }

  /** Records that the connection has closed. Resolves when all is written or writing has failed. Never rejects. */
  async close(problem = ''): Promise<void> {
    this.#add('close', Buffer.from(problem).subarray(0, maxEntryBytes));
    this.#isClosed = true;
    if (this.#sink.closed) return;
    await new Promise<void>((resolve) => {
      this.#sink.once('close', resolve);
      this.#sink.end();
    });
  }

  #add(kind: EntryKind, bytes: Uint8Array): void {
    if (this.#isClosed) return;
    const time = nowNs();
    let at = 0;
    do {
      this.#sink.write(encodeEntry(kind, time, bytes.subarray(at, at + maxEntryBytes)));
      at += maxEntryBytes;
    } while (at < bytes.length);
    if (this.#sink.writableLength > this.#maxPendingBytes) {
      this.#fail(`the disk is too slow: more than ${this.#maxPendingBytes} bytes are waiting for it`);
    }
  }

  #fail(problem: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#sink.destroy();
    this.#onFailure(problem);
  }
}

const noBytes = new Uint8Array();
