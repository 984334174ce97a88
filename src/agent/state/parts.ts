import { DefaultSerializer, deserialize, serialize } from 'node:v8';
import { crc32 } from 'node:zlib';
import { UdfError } from '../../model/errors.js';
import { packPoints, unpackPoints } from './points.js';

/** Before each part: its length in bytes, then the CRC-32 of its bytes, both 32-bit big-endian. */
const prefixBytes = 8;

/**
 * How parts are encoded: Node's structured clone, which keeps bigints, maps, sets, dates and typed arrays. Points are
 * kept besides.
 */
export const codecName = 'v8';

/** A value as a part of a snapshot: its prefix, then its bytes. Throws `handler` for what is not plain data. */
export function packPart(value: unknown): readonly [prefix: Buffer, bytes: Buffer] {
  const bytes = serialized(value);
  const prefix = Buffer.allocUnsafe(prefixBytes);
  prefix.writeUInt32BE(bytes.length, 0);
  prefix.writeUInt32BE(crc32(bytes), 4);
  return [prefix, bytes];
}

/**
 * The values of a snapshot's parts, one after the other. Throws `snapshot_truncated`, `snapshot_damaged`, and
 * `snapshot_newer` for bytes that are whole but that this Node.js cannot decode.
 */
export class PartReader {
  readonly #bytes: Buffer;
  #at: number;
  /** The size of the part that was read last. */
  size = 0;

  constructor(bytes: Buffer, start: number) {
    this.#bytes = bytes;
    this.#at = start;
  }

  next(): unknown {
    const start = this.#at + prefixBytes;
    if (start > this.#bytes.length) throw truncated();
    const end = start + this.#bytes.readUInt32BE(this.#at);
    if (end > this.#bytes.length) throw truncated();
    // A copy: what is read may hold views of it, and is not to hold the whole snapshot.
    const part = Buffer.allocUnsafeSlow(end - start);
    this.#bytes.copy(part, 0, start, end);
    if (crc32(part) !== this.#bytes.readUInt32BE(this.#at + 4)) throw damaged();
    this.#at = end;
    this.size = part.length;
    const value = deserialized(part);
    if (!hasPoints(value)) return value;
    try {
      return unpackPoints(value.withPoints, damaged);
    } catch {
      throw damaged(); // nested deeper than the stack
    }
  }

  /** To be called after the last part. */
  end(): void {
    if (this.#at !== this.#bytes.length) throw damaged();
  }
}

/** The snapshot's bytes are not those that were written. */
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
 * V8's bytes of an object without properties, which a point is to it, as its fields are private. Finding none of them
 * spares the search of the whole state for points.
 */
const emptyObject = Buffer.from('o{\0');

/** What a part holds instead, if there are points in it. */
interface WithPoints {
  readonly withPoints: unknown;
}

function hasPoints(part: unknown): part is WithPoints {
  return typeof part === 'object' && part !== null && 'withPoints' in part;
}

function serialized(value: unknown): Buffer {
  try {
    const bytes = serialize(value);
    const packed = bytes.includes(emptyObject) ? packPoints(value) : undefined;
    if (packed === undefined) return bytes;
    return serialized({ withPoints: packed } satisfies WithPoints);
  } catch (cause) {
    if (cause instanceof UdfError) throw cause;
    const problem = (cause as Error).message;
    throw new UdfError('handler', `the state cannot be stored: ${problem}; keep plain data in it`, { cause });
  }
}

function deserialized(bytes: Buffer): unknown {
  try {
    return deserialize(bytes) as unknown;
  } catch (cause) {
    if (!isOfNewerCodec(bytes)) throw damaged();
    const { version } = process;
    throw new UdfError(
      'snapshot_newer',
      `Node.js ${version} cannot read the snapshot; a newer one wrote it`,
      { cause },
    );
  }
}

/** Whether the bytes' header, a tag and the version of V8's format, names a version above this Node.js's. */
function isOfNewerCodec(bytes: Buffer): boolean {
  const serializer = new DefaultSerializer();
  serializer.writeHeader();
  const [tag, version] = serializer.releaseBuffer();
  return bytes[0] === tag && (bytes[1] ?? 0) > version!; // a header has two bytes
}
