import { lengthSize, writeLength } from './frame-header.js';
import { snapshotBytesTag, snapshotTag } from './tags.js';

/**
 * The frame of a snapshot whose bytes are in pieces: a beginning to be sent before them. A snapshot may take hundreds of
 * megabytes; to put them into one message would copy them, and hold up every connection meanwhile.
 */
export function snapshotFrameStart(bytes: number): Buffer {
  const response = 1 + lengthSize(bytes) + bytes;
  const payload = 1 + lengthSize(response) + response;
  const start = Buffer.allocUnsafeSlow(lengthSize(payload) + payload - bytes);
  let at = writeLength(start, 0, payload);
  start[at] = snapshotTag;
  at = writeLength(start, at + 1, response);
  start[at] = snapshotBytesTag;
  writeLength(start, at + 1, bytes);
  return start;
}
