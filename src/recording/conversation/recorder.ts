import { accessSync, constants, createWriteStream } from 'node:fs';
import { join } from 'node:path';
import type { Duplex, Readable, Writable } from 'node:stream';
import { makeDirectory } from '../../files/make-directory.js';
import { messageOf, UdfError } from '../../model/errors.js';
import type { Logger } from '../../telemetry/logger.js';
import type { Transport } from '../../transport/transport.js';
import { ConversationWriter, type ConversationWriterOptions } from './writer.js';

/** The extension of the files of conversations. */
export const conversationExtension = '.conversation';

export interface ConversationRecorderOptions extends Pick<ConversationWriterOptions, 'maxPendingBytes'> {
  /** The directory of the files, one per connection; created if absent. */
  readonly directory: string;
  readonly logger: Logger;
}

/** A connection's UDF and socket, for the file's name and header. */
export interface ConversationSubject {
  readonly udf: string;
  readonly socket: string;
}

/** Records conversations, each connection in a file of its own: `UDF-TIME-NUMBER.conversation`. */
export class ConversationRecorder {
  readonly #options: ConversationRecorderOptions;
  readonly #open = new Set<ConversationTap>();
  #connections = 0;

  /** Throws `invalid_config` if the directory cannot be written to. */
  constructor(options: ConversationRecorderOptions) {
    const { directory } = options;
    try {
      makeDirectory(directory);
      accessSync(directory, constants.W_OK);
    } catch (cause) {
      throw new UdfError('invalid_config', `cannot record to ${directory}: ${messageOf(cause)}`, { cause });
    }
    this.#options = options;
  }

  /** Records two streams that carry Kapacitor's bytes and the UDF's, without changing or delaying them. */
  between(kapacitor: Duplex, udf: Duplex, subject: ConversationSubject): void {
    const tap = this.#tap(subject);
    tap.recordReads('request', kapacitor);
    tap.recordReads('response', udf);
    tap.closeAfter(kapacitor, udf);
  }

  /**
   * Records what an agent reads and writes. Call it before the agent gets the transport, in the same turn: it starts the
   * flow of bytes.
   */
  follow({ input, output }: Transport, subject: ConversationSubject): void {
    const tap = this.#tap(subject);
    tap.recordReads('request', input);
    tap.recordWrites('response', output);
    tap.closeAfter(input, output);
  }

  /** Closes all recordings. Resolves when they are written. Never rejects. */
  async close(): Promise<void> {
    await Promise.all(Array.from(this.#open, (tap) => tap.close()));
  }

  #tap(subject: ConversationSubject): ConversationTap {
    const { directory, logger, maxPendingBytes } = this.#options;
    const startedAt = new Date().toISOString();
    const name = `${subject.udf}-${startedAt.replace(/[-:]/g, '')}-${++this.#connections}`;
    const file = join(directory, name.replaceAll('/', '_') + conversationExtension);
    const tap = new ConversationTap(
      () =>
        new ConversationWriter(
          createWriteStream(file, { flags: 'wx', mode: 0o640 }),
          { ...subject, startedAt },
          {
            maxPendingBytes,
            onFailure: (problem) => {
              logger.error({ file }, `recording stopped, the connection is not affected: ${problem}`);
            },
          },
        ),
      () => {
        this.#open.delete(tap);
      },
    );
    this.#open.add(tap);
    return tap;
  }
}

/** Copies the bytes of a connection to a writer. A connection without any makes no file. */
class ConversationTap {
  readonly #start: () => ConversationWriter;
  readonly #closed: () => void;
  #writer: ConversationWriter | undefined;
  #closing: Promise<void> | undefined;
  #problem = '';

  constructor(start: () => ConversationWriter, closed: () => void) {
    this.#start = start;
    this.#closed = closed;
  }

  recordReads(kind: 'request' | 'response', stream: Readable): void {
    stream.on('data', (bytes: Buffer) => {
      this.#startedWriter()[kind](bytes);
    });
    stream.once('end', () => {
      this.#writer?.end(`${kind}-end`);
    });
  }

  recordWrites(kind: 'request' | 'response', stream: Writable): void {
    // A stream has no event for writes to it. A stream in between would split its buffer, whose length the agent checks
    // for backpressure.
    const write = stream.write.bind(stream) as (...args: readonly unknown[]) => boolean;
    stream.write = (...args: readonly unknown[]) => {
      this.#startedWriter()[kind](args[0] as Uint8Array); // agents write bytes only
      return write(...args);
    };
    stream.once('finish', () => {
      this.#writer?.end(`${kind}-end`);
    });
  }

  /** Closes the recording once all of these streams are closed. */
  closeAfter(...streams: readonly (Readable | Writable)[]): void {
    const open = new Set(streams);
    for (const stream of [...open]) {
      stream.on('error', (reason) => {
        this.#problem ||= messageOf(reason);
      });
      stream.once('close', () => {
        open.delete(stream);
        if (open.size === 0) void this.close();
      });
    }
  }

  close(): Promise<void> {
    this.#closing ??= Promise.resolve(this.#writer?.close(this.#problem)).then(this.#closed);
    return this.#closing;
  }

  #startedWriter(): ConversationWriter {
    return (this.#writer ??= this.#start());
  }
}
