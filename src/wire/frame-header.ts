/** The most bytes that a message's length may take as a varint: five hold every length up to 2^35. */
export const maxLengthBytes = 5;

/** How many bytes a length takes as a varint. */
export function lengthSize(length: number): number {
  if (length < 0x80) return 1;
  if (length < 0x4000) return 2;
  if (length < 0x20_0000) return 3;
  if (length < 0x1000_0000) return 4;
  return 5;
}

/** Writes a length as a varint at `at` and returns where it ends. */
export function writeLength(buf: Uint8Array, at: number, length: number): number {
  let rest = length;
  while (rest > 0x7f) {
    buf[at++] = (rest & 0x7f) | 0x80;
    rest = Math.floor(rest / 0x80); // not >>>: a length may pass 2^32
  }
  buf[at++] = rest;
  return at;
}

/** Where the payload of a whole frame starts. */
export function payloadStart(buf: Uint8Array, frame = 0): number {
  let at = frame;
  while (buf[at]! > 0x7f) at++;
  return at + 1;
}

/** A message's payload as a frame. */
export function prependLength(payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(lengthSize(payload.length) + payload.length);
  frame.set(payload, writeLength(frame, 0, payload.length));
  return frame;
}
