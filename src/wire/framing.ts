import { snapshotBytesTag, snapshotTag } from './tags.js';

// A frame is a message preceded by its length as an unsigned varint: seven bits per byte, lowest first, the high bit
// set on all bytes but the last. https://protobuf.dev/programming-guides/encoding/#varints

/** Max bytes of a length prefix: five hold every length below 2^35. */
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
    rest = Math.floor(rest / 0x80); // not >>>, which cuts off at 32 bits
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

/** A frame of a payload: its length, then a copy of its bytes. */
export function prependLength(payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(lengthSize(payload.length) + payload.length);
  frame.set(payload, writeLength(frame, 0, payload.length));
  return frame;
}

/**
 * The bytes that precede a snapshot's own in the frame of a response, or of a restore request. A snapshot may have hundreds of megabytes in many pieces:
 * joining them into one message would copy them and block all connections meanwhile.
 */
export function snapshotFrameStart(bytes: number, tag: number = snapshotTag): Buffer {
  // Two nested messages, each with a tag and a length: Response.snapshot, and SnapshotResponse.snapshot within it. A
  // restore request has its snapshot in a field of the same number.
  const response = 1 + lengthSize(bytes) + bytes;
  const payload = 1 + lengthSize(response) + response;
  const start = Buffer.allocUnsafeSlow(lengthSize(payload) + payload - bytes);
  let at = writeLength(start, 0, payload);
  start[at] = tag;
  at = writeLength(start, at + 1, response);
  start[at] = snapshotBytesTag;
  writeLength(start, at + 1, bytes);
  return start;
}
