import type { Writable } from 'node:stream';
import { messageOf } from '../../model/errors.js';
import {
  type ConversationHeader,
  encodeEntry,
  encodeHeader,
  type EntryKind,
  maxEntryBytes,
} from './format.js';

/** What the clock of the process must be moved by to tell the time since the epoch. */
const offset = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();

/** The time in nanoseconds since the epoch. It never goes backwards, also where the system's clock is set. */
export function nowNs(): bigint {
  return process.hrtime.bigint() + offset;
}

export interface ConversationWriterOptions {
  /** How much may wait for the disk: 64 MiB if not given. Beyond it the rest of the conversation is not recorded. */
  readonly waitingBytes?: number | undefined;
  /** Called once, when something goes wrong and nothing more is recorded. */
  readonly onFailure?: ((problem: string) => void) | undefined;
}

/**
 * Writes one conversation, each entry with the time at which it is handed in. It never holds up the conversation, and
 * never throws: a disk that is full or too slow ends the recording.
 */
export class ConversationWriter {
  readonly #sink: Writable;
  readonly #waitingBytes: number;
  readonly #onFailure: (problem: string) => void;
  #over = false;

  constructor(sink: Writable, header: ConversationHeader, options: ConversationWriterOptions = {}) {
    this.#sink = sink;
    this.#waitingBytes = options.waitingBytes ?? 64 * 1024 * 1024;
    this.#onFailure = options.onFailure ?? (() => undefined);
    sink.on('error', (reason) => {
      this.#fail(messageOf(reason));
    });
    sink.write(encodeHeader(header));
  }

  /** Bytes from Kapacitor. They are copied. */
  request(bytes: Uint8Array): void {
    this.#add('request', bytes);
  }

  /** Bytes from the UDF. They are copied. */
  response(bytes: Uint8Array): void {
    this.#add('response', bytes);
  }

  /** One side sends no more. */
  end(kind: 'request-end' | 'response-end'): void {
    this.#add(kind, none);
  }

  /** The connection is gone. Resolves when all is written, or nothing more can be. Never rejects. */
  async close(problem = ''): Promise<void> {
    this.#add('close', Buffer.from(problem).subarray(0, maxEntryBytes));
    this.#over = true;
    if (this.#sink.closed) return;
    await new Promise<void>((resolve) => {
      this.#sink.once('close', resolve);
      this.#sink.end();
    });
  }

  #add(kind: EntryKind, bytes: Uint8Array): void {
    if (this.#over) return;
    const time = nowNs();
    let at = 0;
    do {
      this.#sink.write(encodeEntry(kind, time, bytes.subarray(at, at + maxEntryBytes)));
      at += maxEntryBytes;
    } while (at < bytes.length);
    if (this.#sink.writableLength > this.#waitingBytes) {
      this.#fail(`the disk is too slow: more than ${this.#waitingBytes} bytes are waiting for it`);
    }
  }

  #fail(problem: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#sink.destroy();
    this.#onFailure(problem);
  }
}

const none = new Uint8Array();
