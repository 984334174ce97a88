import { statSync } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { type ConversationEntry, isConversation } from './format.js';
import {
  type ConversationReaderOptions,
  fileChunks,
  readConversation,
  type RecordedConversation,
} from './reader.js';

const extension = /\.(requests|responses)$/;

/** Whether a file is, by its name, one direction of a conversation in two files of raw bytes. */
export function isConversationPair(file: string): boolean {
  return extension.test(file);
}

/**
 * Opens a conversation in two files, `NAME.requests` and `NAME.responses`, the raw bytes of each direction; `file` is
 * either. Times and relative order are not recorded: times are 0, and both files are read in proportion to their sizes.
 *
 * Reading the entries throws `invalid_config` for a file that cannot be read.
 */
export function readConversationPair(file: string): RecordedConversation {
  const stem = file.replace(extension, '');
  return { header: {}, entries: entries(`${stem}.requests`, `${stem}.responses`) };
}

async function* entries(requests: string, responses: string): AsyncGenerator<ConversationEntry> {
  const sides = [side('request', requests), side('response', responses)];
  for (;;) {
    // The side that is behind; on a tie Kapacitor's, which sends first.
    const open = sides.filter(({ ended }) => !ended);
    const next = open.sort((one, other) => one.read / one.size - other.read / other.size)[0];
    if (!next) break;
    const { done, value } = await next.chunks.next();
    if (done) {
      next.ended = true;
      yield { kind: `${next.kind}-end`, time: 0n };
    } else {
      next.read += value.length;
      yield { kind: next.kind, time: 0n, bytes: value };
    }
  }
  yield { kind: 'close', time: 0n, problem: '' };
}

interface Side {
  readonly kind: 'request' | 'response';
  readonly chunks: AsyncIterator<Buffer, undefined>;
  readonly size: number;
  read: number;
  ended: boolean;
}

function side(kind: Side['kind'], file: string): Side {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  return {
    kind,
    chunks: fileChunks(file) as AsyncGenerator<Buffer, undefined>,
    size: Math.max(1, size),
    read: 0,
    ended: false,
  };
}

/** Whether a file holds a conversation, by its name or its first bytes. Never rejects. */
export async function isConversationFile(file: string): Promise<boolean> {
  if (isConversationPair(file) || file.endsWith('.conversation')) return true;
  try {
    if (!(await stat(file)).isFile()) return false; // a pipe can be read only once
    const handle = await open(file);
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(64), 0, 64, 0);
      return isConversation(buffer.subarray(0, bytesRead));
    } finally {
      await handle.close();
    }
  } catch {
    return false; // reading it as another format reports the error
  }
}

/** Opens a conversation in one or two files; throws as `readConversation` and `readConversationPair` do. */
export async function openConversationFile(
  file: string,
  options: ConversationReaderOptions = {},
): Promise<RecordedConversation> {
  return isConversationPair(file) ? readConversationPair(file) : readConversation(file, options);
}
