import { lengthSize, writeLength } from '../../src/wire/framing.js';

/** A frame with this payload. */
export function frameOf(payload: Uint8Array): Buffer {
  const frame = Buffer.alloc(lengthSize(payload.length) + payload.length);
  frame.set(payload, writeLength(frame, 0, payload.length));
  return frame;
}
