import { accessSync, constants, createWriteStream } from 'node:fs';
import { join } from 'node:path';
import type { Duplex, Readable, Writable } from 'node:stream';
import { makeDirectory } from '../../files/make-directory.js';
import { messageOf, UdfError } from '../../model/errors.js';
import type { Logger } from '../../telemetry/logger.js';
import type { Transport } from '../../transport/transport.js';
import { ConversationWriter, type ConversationWriterOptions } from './writer.js';

/** The ending of the files that conversations are recorded in. */
export const conversationExtension = '.conversation';

export interface ConversationRecorderOptions extends Pick<ConversationWriterOptions, 'waitingBytes'> {
  /** Where the files go, one a connection. It is made if it is not there. */
  readonly directory: string;
  readonly logger: Logger;
}

/** What is recorded of a connection. */
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

  /** Follows two streams that carry Kapacitor's bytes and the UDF's. Nothing is changed or held back. */
  between(kapacitor: Duplex, udf: Duplex, subject: ConversationSubject): void {
    const tap = this.#tap(subject);
    tap.reads('request', kapacitor);
    tap.reads('response', udf);
    tap.until(kapacitor, udf);
  }

  /**
   * Follows what an agent reads and writes. To be called before the agent takes the transport, and in the same turn: from
   * then on bytes flow.
   */
  follow({ input, output }: Transport, subject: ConversationSubject): void {
    const tap = this.#tap(subject);
    tap.reads('request', input);
    tap.writes('response', output);
    tap.until(input, output);
  }

  /** Resolves when all that came so far of connections that are gone is in its files. Never rejects. */
  async close(): Promise<void> {
    await Promise.all(Array.from(this.#open, (tap) => tap.close()));
  }

  #tap(subject: ConversationSubject): ConversationTap {
    const { directory, logger, waitingBytes } = this.#options;
    const startedAt = new Date().toISOString();
    const name = `${subject.udf}-${startedAt.replace(/[-:]/g, '')}-${++this.#connections}`;
    const file = join(directory, name.replaceAll('/', '_') + conversationExtension);
    const tap = new ConversationTap(
      () =>
        new ConversationWriter(
          createWriteStream(file, { flags: 'wx', mode: 0o640 }),
          { ...subject, startedAt },
          {
            waitingBytes,
            onFailure: (problem) => {
              logger.error({ file }, `recording stopped, the conversation goes on: ${problem}`);
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

/** Hands on to a writer what passes on a connection. A connection without a byte makes no file. */
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

  reads(kind: 'request' | 'response', stream: Readable): void {
    stream.on('data', (bytes: Buffer) => {
      this.#started()[kind](bytes);
    });
    stream.once('end', () => {
      this.#writer?.end(`${kind}-end`);
    });
  }

  writes(kind: 'request' | 'response', stream: Writable): void {
    // A stream does not tell what is written to it. To stand between it and the agent would part its buffer in two, and
    // the agent must know how much is waiting.
    const write = stream.write.bind(stream) as (...args: readonly unknown[]) => boolean;
    stream.write = (...args: readonly unknown[]) => {
      this.#started()[kind](args[0] as Uint8Array); // agents write bytes only
      return write(...args);
    };
    stream.once('finish', () => {
      this.#writer?.end(`${kind}-end`);
    });
  }

  /** Closes the recording when all of these streams are closed. */
  until(...streams: readonly (Readable | Writable)[]): void {
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

  #started(): ConversationWriter {
    return (this.#writer ??= this.#start());
  }
}
