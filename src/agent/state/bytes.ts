import { endianness } from 'node:os';
import { damaged } from './parts.js';

const isBigEndian = endianness() === 'BE';

/** Swaps the bytes of elements between the host's order and little-endian, in place. */
function swapToHost(bytes: Buffer, elementBytes: number): void {
  if (!isBigEndian) return;
  if (elementBytes === 2) bytes.swap16();
  if (elementBytes === 4) bytes.swap32();
  if (elementBytes === 8) bytes.swap64();
}

/** Collects bytes in a buffer that grows; numbers are little-endian. */
export class ByteWriter {
  #bytes = Buffer.allocUnsafeSlow(256 * 1024);
  #view = viewOf(this.#bytes);
  #at = 0;

  clear(): void {
    this.#at = 0;
  }

  /** A copy of the bytes so far. */
  copy(): Buffer {
    const copy = Buffer.allocUnsafeSlow(this.#at);
    this.#bytes.copy(copy, 0, 0, this.#at);
    return copy;
  }

  byte(value: number): void {
    this.#bytes[this.#reserve(1)] = value;
  }

  uint32(value: number): void {
    const at = this.#reserve(4);
    this.#view.setUint32(at, value, true);
  }

  int32(value: number): void {
    const at = this.#reserve(4);
    this.#view.setInt32(at, value, true);
  }

  /** Adds each value less `min`, which must fit `width` bytes: 1, 2 or 4. */
  integers(values: readonly number[], min: number, width: number): void {
    let at = this.#reserve(width * values.length);
    const view = this.#view;
    for (const value of values) {
      if (width === 1) view.setUint8(at, value - min);
      else if (width === 2) view.setUint16(at, value - min, true);
      else view.setInt32(at, value, true);
      at += width;
    }
  }

  doubles(values: readonly number[]): void {
    let at = this.#reserve(8 * values.length);
    const view = this.#view;
    for (let index = 0; index < values.length; index++, at += 8) view.setFloat64(at, values[index]!, true);
  }

  bigints(values: readonly bigint[]): void {
    let at = this.#reserve(8 * values.length);
    for (const value of values) {
      this.#view.setBigInt64(at, value, true);
      at += 8;
    }
  }

  /** Adds bytes in the host's order, of elements of `elementBytes` each. */
  raw(bytes: Uint8Array, elementBytes = 1): void {
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
    if (elementBytes > 1) swapToHost(this.#bytes.subarray(at, at + bytes.length), elementBytes);
  }

  /** Adds bytes with their length. */
  block(bytes: Uint8Array): void {
    this.uint32(bytes.length);
    this.raw(bytes);
  }

  /** Adds room for `length` bytes, which `fill` must write from `at` on. */
  fill(length: number, fill: (bytes: Buffer, at: number) => void): void {
    const at = this.#reserve(length);
    fill(this.#bytes, at);
  }

  /** Makes room for `count` bytes and returns where they start. */
  #reserve(count: number): number {
    const at = this.#at;
    this.#at += count;
    if (this.#at > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(2 * this.#at);
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
      this.#view = viewOf(larger);
    }
    return at;
  }
}

/** Reads what a `ByteWriter` has written. Each method throws `snapshot_damaged` beyond the end. */
export class ByteReader {
  readonly bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.bytes.length;
  }

  get rest(): number {
    return this.bytes.length - this.#at;
  }

  /** Skips `length` bytes and returns where they start. */
  skip(length: number): number {
    if (length > this.rest) throw damaged();
    const at = this.#at;
    this.#at += length;
    return at;
  }

  byte(): number {
    return this.bytes[this.skip(1)]!;
  }

  uint32(): number {
    return this.bytes.readUInt32LE(this.skip(4));
  }

  int32(): number {
    return this.bytes.readInt32LE(this.skip(4));
  }

  /** A view of the next `length` bytes. */
  view(length: number): Buffer {
    const at = this.skip(length);
    return this.bytes.subarray(at, at + length);
  }

  /** A view of bytes that were written with their length. */
  block(): Buffer {
    return this.view(this.uint32());
  }

  /** A copy of the next `count` elements of `elementBytes` each, aligned, in the host's order. */
  aligned(count: number, elementBytes: number): ArrayBuffer {
    const bytes = new Uint8Array(this.view(count * elementBytes));
    swapToHost(Buffer.from(bytes.buffer), elementBytes);
    return bytes.buffer;
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Buffer): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
