import { viewToRead, viewToWrite } from './view.js';

// int64 values as varints: seven bits per byte, lowest first; a negative value takes ten bytes (two's complement).
// https://protobuf.dev/programming-guides/encoding/#signed-ints
//
// A value is decoded into two 32-bit halves, and a bigint read from them in a scratch buffer: arithmetic on bigints
// allocates at every step.
const scratch = new DataView(new ArrayBuffer(8));

/** The continuation bits of four bytes. */
const moreBits = 0x8080_8080 | 0;

/** The results of `decode`: module variables, because an object would cost an allocation. */
let low = 0;
let high = 0;

/**
 * Whether the varint at `at` has nine bytes, as nanoseconds of the years 1972 to 2262 do. Nine bytes must be readable.
 */
export function hasNineBytes(view: DataView, at: number): boolean {
  return (
    (view.getInt32(at, true) & view.getInt32(at + 4, true) & moreBits) === moreBits &&
    view.getUint8(at + 8) < 0x80
  );
}

function decode(buf: Uint8Array, at: number): void {
  if (at + 9 <= buf.length) {
    const view = viewToRead(buf);
    if (hasNineBytes(view, at)) {
      const upper = packed(view.getInt32(at + 4, true));
      low = packed(view.getInt32(at, true)) | (upper << 28);
      high = (upper >>> 4) | (view.getUint8(at + 8) << 24);
      return;
    }
  }
  decodeAny(buf, at);
}

/** The 28 value bits of four bytes, their continuation bits dropped. */
function packed(word: number): number {
  return (word & 0x7f) | ((word >>> 1) & 0x3f80) | ((word >>> 2) & 0x1f_c000) | ((word >>> 3) & 0xfe0_0000);
}

function decodeAny(buf: Uint8Array, at: number): void {
  let byte = buf[at++]!;
  let first = byte & 0x7f;
  let second = 0;
  let shift = 7;
  while (byte > 0x7f && shift < 28) {
    byte = buf[at++]!;
    first |= (byte & 0x7f) << shift;
    shift += 7;
  }
  if (byte > 0x7f) {
    byte = buf[at++]!; // bits 28 to 34: four of them in the low half
    first |= (byte & 0x7f) << 28;
    second = (byte & 0x7f) >>> 4;
    shift = 3;
    while (byte > 0x7f && shift < 32) {
      byte = buf[at++]!;
      second |= (byte & 0x7f) << shift;
      shift += 7;
    }
  }
  low = first;
  high = second;
}

/** The int64 whose varint starts at `at`. It must be complete, with at most ten bytes. */
export function readInt64(buf: Uint8Array, at: number): bigint {
  decode(buf, at);
  scratch.setInt32(0, low, true);
  scratch.setInt32(4, high, true);
  return scratch.getBigInt64(0, true);
}

/** The int64 whose varint starts at `at`, rounded to the nearest double if it is beyond ±2^53. */
export function readInt64AsNumber(buf: Uint8Array, at: number): number {
  decode(buf, at);
  return high * 0x1_0000_0000 + (low >>> 0); // the product is exact, so only the sum is rounded
}

const billion = 1_000_000_000;
const billionth = 1 / billion;

/** Second result of `readSeconds`: 0 to 999,999,999. A module variable, because an object would cost an allocation. */
export let nanoseconds = 0;

/** The whole seconds, rounded down, of the nanoseconds whose varint starts at `at`. */
export function readSeconds(buf: Uint8Array, at: number): number {
  decode(buf, at);
  // Both factors are rounded, so the quotient may be off by one, and the remainder is then outside 0 to 10^9. It fits
  // 32 bits all the same, so the low halves alone, whose arithmetic modulo 2^32 is exact, give it in full.
  let seconds = Math.floor((high * 0x1_0000_0000 + (low >>> 0)) * billionth);
  let rest = (low - Math.imul(seconds, billion)) | 0;
  if (rest < 0) {
    seconds--;
    rest += billion;
  } else if (rest >= billion) {
    seconds++;
    rest -= billion;
  }
  nanoseconds = rest;
  return seconds;
}

/** Writes an int64 as a varint of up to ten bytes at `at` and returns where it ends. */
export function writeInt64(buf: Uint8Array, at: number, value: bigint): number {
  scratch.setBigInt64(0, value, true);
  return writeHalves(buf, at, scratch.getInt32(0, true), scratch.getInt32(4, true));
}

/** `writeInt64` for a whole number within ±2^53. */
export function writeSafeInteger(buf: Uint8Array, at: number, value: number): number {
  const high = Math.floor(value / 0x1_0000_0000);
  return writeHalves(buf, at, (value - high * 0x1_0000_0000) | 0, high | 0);
}

/** `writeInt64` for a time from 1970 on, in seconds and the nanoseconds beyond. */
export function writeTime(buf: Uint8Array, at: number, seconds: number, rest: number): number {
  // Parts of 16 bits, so that each product is exact: seconds = upper * 2^16 + lower.
  const upper = Math.floor(seconds / 0x1_0000);
  const scaled = upper * billion;
  const high = Math.floor(scaled / 0x1_0000);
  const sum = (scaled - high * 0x1_0000) * 0x1_0000 + (seconds - upper * 0x1_0000) * billion + rest;
  const carry = Math.floor(sum / 0x1_0000_0000);
  const low = (sum - carry * 0x1_0000_0000) | 0;
  const rounds = high + carry;
  if (rounds < minNineByteHigh) return writeHalves(buf, at, low, rounds);
  const view = viewToWrite(buf);
  view.setInt32(at, unpacked(low), true);
  view.setInt32(at + 4, unpacked((low >>> 28) | (rounds << 4)), true);
  buf[at + 8] = rounds >>> 24;
  return at + 9;
}

/** The upper half of the smallest int64 that takes nine bytes as a varint. */
const minNineByteHigh = 2 ** 24;

/** Four bytes of a varint, each with a continuation bit: the inverse of `packed`. */
function unpacked(bits: number): number {
  return (
    (bits & 0x7f) | ((bits & 0x3f80) << 1) | ((bits & 0x1f_c000) << 2) | ((bits & 0xfe0_0000) << 3) | moreBits
  );
}

function writeHalves(buf: Uint8Array, at: number, low: number, high: number): number {
  while (high !== 0) {
    buf[at++] = (low & 0x7f) | 0x80;
    low = (low >>> 7) | (high << 25);
    high >>>= 7;
  }
  low >>>= 0;
  while (low > 0x7f) {
    buf[at++] = (low & 0x7f) | 0x80;
    low >>>= 7;
  }
  buf[at++] = low;
  return at;
}

/** The double at `at`. */
export function readDouble(buf: Uint8Array, at: number): number {
  return viewToRead(buf).getFloat64(at, true);
}

/** Writes a double at `at` and returns where it ends. */
export function writeDouble(buf: Uint8Array, at: number, value: number): number {
  viewToWrite(buf).setFloat64(at, value, true);
  return at + 8;
}
