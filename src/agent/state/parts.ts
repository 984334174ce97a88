import { DefaultSerializer, deserialize, serialize } from 'node:v8';
import { crc32 } from 'node:zlib';
import { UdfError } from '../../model/errors.js';
import { packPoints, unpackPoints } from './points.js';

/** A part's prefix: the number of its bytes, then their CRC-32, both 32-bit big-endian. */
const prefixBytes = 8;

/** The encoding of parts: V8's structured clone, which keeps bigints, maps, sets, dates and typed arrays; points as frames. */
export const codecName = 'v8';

/** Encodes a value as a part of a snapshot. Throws `handler` if the value is not plain data. */
export function packPart(value: unknown): readonly [prefix: Buffer, bytes: Buffer] {
  return packBytes(serializeValue(value));
}

/** Makes bytes a part of a snapshot. */
export function packBytes(bytes: Buffer): readonly [prefix: Buffer, bytes: Buffer] {
  const prefix = Buffer.allocUnsafe(prefixBytes);
  prefix.writeUInt32BE(bytes.length, 0);
  prefix.writeUInt32BE(crc32(bytes), 4);
  return [prefix, bytes];
}

/**
 * Reads a snapshot's parts in order. Throws `snapshot_truncated`, `snapshot_damaged`, or `snapshot_newer` if a newer
 * Node.js encoded the part.
 */
export class PartReader {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, start: number) {
    this.#bytes = bytes;
    this.#at = start;
  }

  /** The next part, decoded from `packPart`. */
  next(): unknown {
    return deserializeValue(alignedCopy(this.nextBytes()));
  }

  /** A view of the next part's bytes. */
  nextBytes(): Buffer {
    const start = this.#at + prefixBytes;
    if (start > this.#bytes.length) throw truncated();
    const end = start + this.#bytes.readUInt32BE(this.#at);
    if (end > this.#bytes.length) throw truncated();
    const part = this.#bytes.subarray(start, end);
    if (crc32(part) !== this.#bytes.readUInt32BE(this.#at + 4)) throw damaged();
    this.#at = end;
    return part;
  }

  /** To be called after the last part. Throws `snapshot_damaged` if bytes are left. */
  end(): void {
    if (this.#at !== this.#bytes.length) throw damaged();
  }
}

/** Bytes to decode a value from: typed arrays in it are views of them, which must not keep the whole snapshot in memory. */
export function alignedCopy(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}

export function damaged(): UdfError {
  return new UdfError(
    'snapshot_damaged',
    'the snapshot is damaged: its bytes are not those that were written',
  );
}

export function truncated(): UdfError {
  return new UdfError('snapshot_truncated', 'the snapshot ends early');
}

/**
 * V8's encoding of an object without properties. A point is encoded so, as its fields are private: if these bytes do not
 * occur, the state holds no points and need not be searched for them.
 */
const emptyObject = Buffer.from('o{\0');

/** The form of a part whose value contains points. */
interface WithPoints {
  readonly withPoints: unknown;
}

function hasPoints(part: unknown): part is WithPoints {
  return typeof part === 'object' && part !== null && 'withPoints' in part;
}

/** Encodes any plain data. Throws `handler` for anything else. */
export function serializeValue(value: unknown): Buffer {
  try {
    const bytes = serialize(value);
    const packed = bytes.includes(emptyObject) ? packPoints(value) : undefined;
    if (packed === undefined) return bytes;
    return serializeValue({ withPoints: packed } satisfies WithPoints);
  } catch (cause) {
    if (cause instanceof UdfError) throw cause;
    const problem = (cause as Error).message;
    throw new UdfError('handler', `the state cannot be stored: ${problem}; keep plain data in it`, { cause });
  }
}

/** Reverses `serializeValue`. Throws `snapshot_damaged`, or `snapshot_newer` if a newer Node.js encoded the value. */
export function deserializeValue(bytes: Buffer): unknown {
  const value = deserializePlain(bytes);
  if (!hasPoints(value)) return value;
  try {
    return unpackPoints(value.withPoints, damaged);
  } catch {
    throw damaged(); // nested deeper than the stack
  }
}

function deserializePlain(bytes: Buffer): unknown {
  try {
    return deserialize(bytes) as unknown;
  } catch (cause) {
    if (!hasNewerVersion(bytes)) throw damaged();
    const { version } = process;
    throw new UdfError(
      'snapshot_newer',
      `Node.js ${version} cannot read the snapshot; a newer one wrote it`,
      { cause },
    );
  }
}

/** Whether the header, a tag and the version of V8's format, has a higher version than this Node.js writes. */
function hasNewerVersion(bytes: Buffer): boolean {
  const serializer = new DefaultSerializer();
  serializer.writeHeader();
  const [tag, version] = serializer.releaseBuffer();
  return bytes[0] === tag && (bytes[1] ?? 0) > version!; // a header has two bytes
}
