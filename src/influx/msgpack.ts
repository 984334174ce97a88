import { UdfError } from '../model/errors.js';
import { setEntry } from '../model/values.js';

/** A MessagePack value: integers are bigints and floats are numbers, so that none is rounded. */
export type MsgpackValue =
  null | boolean | bigint | number | string | MsgpackValue[] | { readonly [key: string]: MsgpackValue };

/**
 * Decodes a stream of MessagePack values (https://github.com/msgpack/msgpack/blob/master/spec.md), in the subset that
 * InfluxDB sends. Throws `malformed` for other types, a value above `maxBytes`, and a stream that ends inside a value.
 */
export async function* decodeMsgpack(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes = 256 * 1024 ** 2,
): AsyncGenerator<MsgpackValue> {
  let buf: Buffer = Buffer.alloc(0);
  /** Bytes to buffer before parsing an incomplete value again. Doubling it bounds parsing to about two passes per byte. */
  let needed = 1;
  for await (const chunk of chunks) {
    buf = buf.length === 0 ? Buffer.from(chunk) : Buffer.concat([buf, chunk]);
    const reader = new MsgpackReader(buf);
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
  const reader = new MsgpackReader(buf);
  for (let value = reader.next(); value !== undefined; value = reader.next()) yield value;
  if (reader.done < buf.length) throw malformed('it ends too early');
}

/** Thrown internally at the end of the buffered bytes. */
const missing = new Error('bytes are missing');
const maxDepth = 32;

class MsgpackReader {
  /** Bytes of the values read so far. */
  done = 0;
  readonly #buf: Buffer;
  #offset = 0;

  constructor(buf: Buffer) {
    this.#buf = buf;
  }

  /** The next value, or `undefined` if it is incomplete. */
  next(): MsgpackValue | undefined {
    this.#offset = this.done;
    try {
      const value = this.#value(0);
      this.done = this.#offset;
      return value;
    } catch (reason) {
      if (reason === missing) return undefined;
      throw reason;
    }
  }

  #value(depth: number): MsgpackValue {
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

  /** Reads an unsigned integer of 2^`power` bytes: 1, 2 or 4. */
  #size(power: number): number {
    const bytes = 2 ** power;
    return this.#buf.readUIntBE(this.#take(bytes), bytes);
  }

  #text(length: number): string {
    const start = this.#take(length);
    return this.#buf.toString('utf8', start, start + length);
  }

  #list(length: number, depth: number): MsgpackValue[] {
    const list: MsgpackValue[] = [];
    for (let remaining = length; remaining > 0; remaining--) list.push(this.#value(depth + 1));
    return list;
  }

  #map(length: number, depth: number): MsgpackValue {
    const map: Record<string, MsgpackValue> = {};
    for (let remaining = length; remaining > 0; remaining--) {
      const key = this.#value(depth + 1);
      if (typeof key !== 'string') throw malformed('a key in it is no text');
      setEntry(map, key, this.#value(depth + 1));
    }
    return map;
  }

  /** Consumes the next `bytes` bytes and returns their offset. */
  #take(bytes: number): number {
    const start = this.#offset;
    if (start + bytes > this.#buf.length) throw missing;
    this.#offset = start + bytes;
    return start;
  }
}

function malformed(problem: string): UdfError {
  return new UdfError('malformed', `the answer of InfluxDB cannot be read: ${problem}`);
}
