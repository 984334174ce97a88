import { lengthSize, writeLength } from './frame-header.js';

/** The tags of a Response that is a snapshot (field 4) and of the bytes in it (field 1). */
const responseTag = 0x22;
const bytesTag = 0x0a;

/**
 * The frame of a snapshot whose bytes are in pieces: a beginning to be sent before them. A snapshot may take hundreds of
 * megabytes; to put them into one message would copy them, and hold up every connection meanwhile.
 */
export function snapshotFrameStart(bytes: number): Buffer {
  const response = 1 + lengthSize(bytes) + bytes;
  const payload = 1 + lengthSize(response) + response;
  const start = Buffer.allocUnsafeSlow(lengthSize(payload) + payload - bytes);
  let at = writeLength(start, 0, payload);
  start[at] = responseTag;
  at = writeLength(start, at + 1, response);
  start[at] = bytesTag;
  writeLength(start, at + 1, bytes);
  return start;
}
