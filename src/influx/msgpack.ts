import { UdfError } from '../model/errors.js';
import { setEntry } from '../model/values.js';

/** A MessagePack value from InfluxDB: integers are bigints and floats are numbers, so that nothing is rounded. */
export type Packed =
  null | boolean | bigint | number | string | Packed[] | { readonly [key: string]: Packed };

/**
 * The values in a stream of MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md), one after the other.
 * Throws `malformed` for bytes that InfluxDB does not send, and for a value above `maxBytes`; and for a stream that ends
 * inside one.
 */
export async function* unpack(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes = 256 * 1024 ** 2,
): AsyncGenerator<Packed> {
  let buf: Buffer = Buffer.alloc(0);
  /** An incomplete value is parsed again when this many bytes are there: it doubles, so that each byte is parsed about twice. */
  let needed = 1;
  for await (const chunk of chunks) {
    buf = buf.length === 0 ? Buffer.from(chunk) : Buffer.concat([buf, chunk]);
    const reader = new PackedReader(buf);
    while (buf.length - reader.done >= needed) {
      const value = reader.next();
      if (value === undefined) {
        needed = 2 * (buf.length - reader.done);
        if (needed > 2 * maxBytes) throw malformed(`a part of it is larger than ${maxBytes} bytes`);
        break;
      }
      needed = 1;
      yield value;
    }
    buf = buf.subarray(reader.done);
  }
  const reader = new PackedReader(buf);
  for (let value = reader.next(); value !== undefined; value = reader.next()) yield value;
  if (reader.done < buf.length) throw malformed('it ends too early');
}

/** Thrown internally where bytes are missing. */
const missing = new Error('bytes are missing');
const maxDepth = 32;

class PackedReader {
  /** Bytes of the values read so far. */
  done = 0;
  readonly #buf: Buffer;
  #at = 0;

  constructor(buf: Buffer) {
    this.#buf = buf;
  }

  /** The next value, or `undefined` if it is incomplete. */
  next(): Packed | undefined {
    this.#at = this.done;
    try {
      const value = this.#value(0);
      this.done = this.#at;
      return value;
    } catch (reason) {
      if (reason === missing) return undefined;
      throw reason;
    }
  }

  #value(depth: number): Packed {
    if (depth > maxDepth) throw malformed('its parts are nested too deeply');
    const type = this.#buf.readUInt8(this.#take(1));
    if (type < 0x80) return BigInt(type);
    if (type < 0x90) return this.#map(type & 0x0f, depth);
    if (type < 0xa0) return this.#list(type & 0x0f, depth);
    if (type < 0xc0) return this.#text(type & 0x1f);
    if (type >= 0xe0) return BigInt(type - 0x100);
    const buf = this.#buf;
    switch (type) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xca:
        return buf.readFloatBE(this.#take(4));
      case 0xcb:
        return buf.readDoubleBE(this.#take(8));
      case 0xcc:
      case 0xcd:
      case 0xce:
        return BigInt(this.#size(type - 0xcc));
      case 0xcf:
        return buf.readBigUInt64BE(this.#take(8));
      case 0xd0:
        return BigInt(buf.readInt8(this.#take(1)));
      case 0xd1:
        return BigInt(buf.readInt16BE(this.#take(2)));
      case 0xd2:
        return BigInt(buf.readInt32BE(this.#take(4)));
      case 0xd3:
        return buf.readBigInt64BE(this.#take(8));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#size(type - 0xd9));
      case 0xdc:
      case 0xdd:
        return this.#list(this.#size(type - 0xdb), depth);
      case 0xde:
      case 0xdf:
        return this.#map(this.#size(type - 0xdd), depth);
      default:
        throw malformed(`it has a value of type 0x${type.toString(16)}`);
    }
  }

  /** An unsigned number of 1, 2 or 4 bytes. */
  #size(power: number): number {
    const bytes = 2 ** power;
    return this.#buf.readUIntBE(this.#take(bytes), bytes);
  }

  #text(length: number): string {
    const start = this.#take(length);
    return this.#buf.toString('utf8', start, start + length);
  }

  #list(length: number, depth: number): Packed[] {
    const list: Packed[] = [];
    for (let left = length; left > 0; left--) list.push(this.#value(depth + 1));
    return list;
  }

  #map(length: number, depth: number): Packed {
    const map: Record<string, Packed> = {};
    for (let left = length; left > 0; left--) {
      const key = this.#value(depth + 1);
      if (typeof key !== 'string') throw malformed('a key in it is no text');
      setEntry(map, key, this.#value(depth + 1));
    }
    return map;
  }

  /** The offset of the next `bytes` bytes, which are consumed. */
  #take(bytes: number): number {
    const start = this.#at;
    if (start + bytes > this.#buf.length) throw missing;
    this.#at = start + bytes;
    return start;
  }
}

function malformed(problem: string): UdfError {
  return new UdfError('malformed', `the answer of InfluxDB cannot be read: ${problem}`);
}
