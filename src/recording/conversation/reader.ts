import { createReadStream } from 'node:fs';
import { messageOf, systemCode, UdfError } from '../../model/errors.js';
import {
  type ConversationEntry,
  type ConversationHeader,
  decodeEntryHead,
  decodeHeader,
  entryHeadBytes,
  type EntryKind,
} from './format.js';

/** A file's bytes, read on demand. Throws `invalid_config` if it cannot be read. */
export async function* fileChunks(file: string): AsyncGenerator<Buffer> {
  const stream = createReadStream(file, { highWaterMark: 256 * 1024 });
  try {
    for await (const chunk of stream) yield chunk as Buffer; // no encoding is set
  } catch (reason) {
    const problem = systemCode(reason) === 'ENOENT' ? 'there is no such file' : messageOf(reason);
    throw new UdfError('invalid_config', `cannot read ${file}: ${problem}`, { cause: reason });
  } finally {
    stream.destroy();
  }
}

/** A conversation that is being read. */
export interface RecordedConversation {
  readonly header: ConversationHeader;
  /** The entries in order of time; iterable once. */
  readonly entries: AsyncIterable<ConversationEntry>;
}

export interface ConversationReaderOptions {
  /** Accept a truncated file: its entries end with the last complete one. */
  readonly allowTruncated?: boolean | undefined;
}

/**
 * Opens the file of a conversation, which is read in constant memory. Iterating to the end, or leaving the loop, closes
 * the file.
 *
 * Throws `malformed`, here or while iterating, for a file that is not a conversation, is damaged or truncated, and
 * `invalid_config` for one that cannot be read.
 */
export function readConversation(
  file: string,
  options: ConversationReaderOptions = {},
): Promise<RecordedConversation> {
  return openConversation(file, fileChunks(file), options);
}

/** As `readConversation`, from any source of bytes; `name` is for messages. */
export async function openConversation(
  name: string,
  chunks: AsyncIterable<Buffer>,
  options: ConversationReaderOptions = {},
): Promise<RecordedConversation> {
  const reader = new ConversationReader(name, chunks, options.allowTruncated ?? false);
  return { header: await reader.header(), entries: reader.entries() };
}

class ConversationReader {
  readonly #name: string;
  readonly #source: AsyncIterator<Buffer, unknown>;
  readonly #allowTruncated: boolean;
  #buf: Buffer = Buffer.alloc(0);
  /** Offset of `#buf` in the file. */
  #offset = 0;

  constructor(name: string, chunks: AsyncIterable<Buffer>, allowTruncated: boolean) {
    this.#name = name;
    this.#source = chunks[Symbol.asyncIterator]();
    this.#allowTruncated = allowTruncated;
  }

  async header(): Promise<ConversationHeader> {
    try {
      for (;;) {
        const found = decodeHeader(this.#buf);
        if (found) {
          this.#skip(found.end);
          return found.header;
        }
        if (!(await this.#more())) throw new UdfError('malformed', 'it was cut off inside its header');
      }
    } catch (reason) {
      await this.#source.return?.();
      if (!(reason instanceof UdfError) || reason.code !== 'malformed') throw reason;
      throw new UdfError('malformed', `${this.#name}: ${reason.message}`, { cause: reason });
    }
  }

  async *entries(): AsyncGenerator<ConversationEntry> {
    try {
      for (let number = 1; ; number++) {
        const entry = await this.#entry(number);
        if (!entry) return;
        yield entry;
        if (entry.kind !== 'close') continue;
        if (this.#buf.length > 0 || (await this.#more())) {
          throw this.#damaged(number + 1, 'bytes follow the end of the conversation');
        }
        return;
      }
    } finally {
      await this.#source.return?.();
    }
  }

  /** The next entry; `undefined` at the end of a truncated file, if that is allowed. */
  async #entry(number: number): Promise<ConversationEntry | undefined> {
    for (;;) {
      if (this.#buf.length >= entryHeadBytes) {
        const head = decodeEntryHead(this.#buf, 0);
        if (!head) throw this.#damaged(number, 'this is not an entry');
        const end = entryHeadBytes + head.length;
        if (this.#buf.length >= end) {
          const bytes = this.#buf.subarray(entryHeadBytes, end);
          this.#skip(end);
          return entryOf(head.kind, head.time, bytes);
        }
      }
      if (await this.#more()) continue;
      if (this.#allowTruncated) return undefined;
      throw this.#damaged(number, 'the recording was cut off here; --skip-bad replays what is there');
    }
  }

  #skip(bytes: number): void {
    this.#buf = this.#buf.subarray(bytes);
    this.#offset += bytes;
  }

  async #more(): Promise<boolean> {
    const next = await this.#source.next();
    if (next.done) return false;
    this.#buf = this.#buf.length === 0 ? next.value : Buffer.concat([this.#buf, next.value]);
    return true;
  }

  #damaged(entry: number, problem: string): UdfError {
    return new UdfError('malformed', `${this.#name}: entry ${entry}, byte ${this.#offset}: ${problem}`);
  }
}

function entryOf(kind: EntryKind, time: bigint, bytes: Buffer): ConversationEntry {
  switch (kind) {
    case 'request':
    case 'response':
      return { kind, time, bytes };
    case 'request-end':
    case 'response-end':
      return { kind, time };
    case 'close':
      return { kind, time, problem: bytes.toString() };
  }
}
