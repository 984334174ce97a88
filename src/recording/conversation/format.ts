import { UdfError } from '../../model/errors.js';
import { setEntry } from '../../model/values.js';

/**
 * The file of a conversation, both directions of one connection between Kapacitor and a UDF:
 *
 *     kapacitor-udf conversation 1\n                        magic and format version
 *     {"udf":"mirror","socket":"…","startedAt":"…"}\n       header; each key is optional
 *     entries, each: kind (1 byte), time (int64, nanoseconds since the epoch), length (uint32), bytes
 *
 * Numbers are little-endian. The last entry is a `close`: a file without one is truncated. Task and node are in the
 * recorded init request.
 */
export interface ConversationHeader {
  readonly udf?: string | undefined;
  /** The socket that Kapacitor connected to. */
  readonly socket?: string | undefined;
  /** RFC 3339. */
  readonly startedAt?: string | undefined;
}

/** An event of the connection, with its time in nanoseconds since the epoch. */
export type ConversationEntry =
  /** Bytes from Kapacitor (`request`) or from the UDF (`response`) as received: not necessarily whole messages. */
  | { readonly kind: 'request' | 'response'; readonly time: bigint; readonly bytes: Buffer }
  /** Kapacitor, or the UDF, has half-closed. */
  | { readonly kind: 'request-end' | 'response-end'; readonly time: bigint }
  /** The connection has closed; `problem` is its error, empty if there was none. */
  | { readonly kind: 'close'; readonly time: bigint; readonly problem: string };

export type EntryKind = ConversationEntry['kind'];

/** Indexed by the byte that encodes each. */
const kinds: readonly (EntryKind | undefined)[] = [
  undefined,
  'request',
  'response',
  'request-end',
  'response-end',
  'close',
];

const magic = 'kapacitor-udf conversation ';
const formatVersion = 1;

/** Length of kind, time and length before an entry's bytes. */
export const entryHeadBytes = 13;
/** Max bytes of an entry; more are split into several entries. */
export const maxEntryBytes = 1024 * 1024;
/** Max bytes of magic and header; a file without a header up to here is damaged. */
export const maxHeaderBytes = 64 * 1024;

export function encodeHeader(header: ConversationHeader): Buffer {
  return Buffer.from(`${magic}${formatVersion}\n${JSON.stringify(header)}\n`);
}

/** Encodes an entry. The bytes are copied, since the caller may reuse their buffer. */
export function encodeEntry(kind: EntryKind, time: bigint, bytes: Uint8Array): Buffer {
  const entry = Buffer.allocUnsafe(entryHeadBytes + bytes.length);
  entry[0] = kinds.indexOf(kind);
  entry.writeBigInt64LE(time, 1);
  entry.writeUInt32LE(bytes.length, 9);
  entry.set(bytes, entryHeadBytes);
  return entry;
}

/** Whether a file that begins with these bytes is a conversation, in any version. */
export function isConversation(start: Buffer): boolean {
  return start.toString('latin1', 0, magic.length) === magic;
}

/**
 * Decodes the header; `end` is its length, and `undefined` means that more bytes are needed. Throws `malformed` for a
 * file that is not a conversation or has a newer format, and for a damaged header.
 */
export function decodeHeader(
  start: Buffer,
): { readonly header: ConversationHeader; readonly end: number } | undefined {
  const known = Math.min(start.length, magic.length);
  if (start.toString('latin1', 0, known) !== magic.slice(0, known)) {
    throw new UdfError('malformed', 'this is not a recorded conversation');
  }
  const first = start.indexOf('\n');
  const end = first < 0 ? -1 : start.indexOf('\n', first + 1);
  if (end < 0 && start.length > maxHeaderBytes) throw damagedHeader();
  if (first >= 0) {
    const version = Number(start.toString('latin1', magic.length, first));
    if (!Number.isInteger(version) || version < 1) throw damagedHeader();
    if (version > formatVersion) {
      throw new UdfError(
        'malformed',
        `this conversation is in format ${version}, and this version of kapacitor-udf reads up to ${formatVersion}; update it`,
      );
    }
  }
  if (end < 0) return undefined;
  return { header: parseHeader(start.toString('utf8', first + 1, end)), end: end + 1 };
}

function parseHeader(text: string): ConversationHeader {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw damagedHeader();
  }
  if (typeof value !== 'object' || value === null) throw damagedHeader();
  const header: Record<string, string> = {};
  for (const [key, part] of Object.entries(value)) if (typeof part === 'string') setEntry(header, key, part);
  return header;
}

function damagedHeader(): UdfError {
  return new UdfError('malformed', 'the header of this conversation is damaged');
}

/** Decodes the head of the entry at `at`; `undefined` if it is invalid. */
export function decodeEntryHead(
  buf: Buffer,
  at: number,
): { readonly kind: EntryKind; readonly time: bigint; readonly length: number } | undefined {
  const kind = kinds[buf[at]!];
  const length = buf.readUInt32LE(at + 9);
  if (kind === undefined || length > maxEntryBytes) return undefined;
  return { kind, time: buf.readBigInt64LE(at + 1), length };
}
