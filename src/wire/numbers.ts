// int64 values as varints. A bigint is put together from two 32-bit halves in a scratch buffer: arithmetic on bigints
// would allocate at every step.
const scratch = new DataView(new ArrayBuffer(8));

/** The int64 whose varint starts at `at`; its bytes must be there, ten at most. */
export function readInt64(buf: Uint8Array, at: number): bigint {
  let byte = buf[at++]!;
  let low = byte & 0x7f;
  let high = 0;
  let shift = 7;
  while (byte > 0x7f && shift < 28) {
    byte = buf[at++]!;
    low |= (byte & 0x7f) << shift;
    shift += 7;
  }
  if (byte > 0x7f) {
    byte = buf[at++]!; // bits 28 to 34: four of them in the low half
    low |= (byte & 0x7f) << 28;
    high = (byte & 0x7f) >>> 4;
    shift = 3;
    while (byte > 0x7f && shift < 32) {
      byte = buf[at++]!;
      high |= (byte & 0x7f) << shift;
      shift += 7;
    }
  }
  scratch.setInt32(0, low, true);
  scratch.setInt32(4, high, true);
  return scratch.getBigInt64(0, true);
}

/** Writes an int64 as a varint at `at` and returns where it ends; it takes up to ten bytes. */
export function writeInt64(buf: Uint8Array, at: number, value: bigint): number {
  scratch.setBigInt64(0, value, true);
  let low = scratch.getInt32(0, true);
  let high = scratch.getInt32(4, true);
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
  for (let index = 0; index < 8; index++) scratch.setUint8(index, buf[at + index]!);
  return scratch.getFloat64(0, true);
}

/** Writes a double at `at` and returns where it ends. */
export function writeDouble(buf: Uint8Array, at: number, value: number): number {
  scratch.setFloat64(0, value, true);
  for (let index = 0; index < 8; index++) buf[at + index] = scratch.getUint8(index);
  return at + 8;
}
