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

/** A file's bytes, read as they are asked for. Throws `invalid_config` for one that cannot be read. */
export async function* fileChunks(file: string): AsyncGenerator<Buffer> {
  const stream = createReadStream(file, { highWaterMark: 256 * 1024 });
  try {
    for await (const chunk of stream) yield chunk as Buffer; // without an encoding they are Buffers
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
  /** Its entries in the order in which they happened; can be gone through once. */
  readonly entries: AsyncIterable<ConversationEntry>;
}

export interface ConversationReaderOptions {
  /** Take a file that was cut off as far as it goes. */
  readonly cutOff?: boolean | undefined;
}

/**
 * Opens the file of a conversation. It is read as its entries are asked for, so that it may be of any size; going
 * through them to the end, or leaving the loop, closes the file.
 *
 * Throws `malformed`, here or while entries are read, for a file that is no conversation, is damaged, or was cut off,
 * and `invalid_config` for one that cannot be read.
 */
export function readConversation(
  file: string,
  options: ConversationReaderOptions = {},
): Promise<RecordedConversation> {
  return openConversation(file, fileChunks(file), options);
}

/** The same from any source of bytes, with its name for errors. */
export async function openConversation(
  name: string,
  chunks: AsyncIterable<Buffer>,
  options: ConversationReaderOptions = {},
): Promise<RecordedConversation> {
  const reader = new ConversationReader(name, chunks, options.cutOff ?? false);
  return { header: await reader.header(), entries: reader.entries() };
}

class ConversationReader {
  readonly #name: string;
  readonly #source: AsyncIterator<Buffer, unknown>;
  readonly #cutOff: boolean;
  #buf: Buffer = Buffer.alloc(0);
  /** How many bytes of the file lie before `#buf`. */
  #before = 0;

  constructor(name: string, chunks: AsyncIterable<Buffer>, cutOff: boolean) {
    this.#name = name;
    this.#source = chunks[Symbol.asyncIterator]();
    this.#cutOff = cutOff;
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

  /** The next entry; `undefined` at the end of a file that was cut off, where that is allowed. */
  async #entry(number: number): Promise<ConversationEntry | undefined> {
    for (;;) {
      if (this.#buf.length >= entryHeadBytes) {
        const head = decodeEntryHead(this.#buf, 0);
        if (!head) throw this.#damaged(number, 'what stands here is no entry');
        const end = entryHeadBytes + head.length;
        if (this.#buf.length >= end) {
          const bytes = this.#buf.subarray(entryHeadBytes, end);
          this.#skip(end);
          return entryOf(head.kind, head.time, bytes);
        }
      }
      if (await this.#more()) continue;
      if (this.#cutOff) return undefined;
      throw this.#damaged(number, 'the recording was cut off here; --skip-bad replays what is there');
    }
  }

  #skip(bytes: number): void {
    this.#buf = this.#buf.subarray(bytes);
    this.#before += bytes;
  }

  async #more(): Promise<boolean> {
    const next = await this.#source.next();
    if (next.done) return false;
    this.#buf = this.#buf.length === 0 ? next.value : Buffer.concat([this.#buf, next.value]);
    return true;
  }

  #damaged(entry: number, problem: string): UdfError {
    return new UdfError('malformed', `${this.#name}: entry ${entry}, byte ${this.#before}: ${problem}`);
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
