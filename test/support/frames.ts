import { FrameReader } from '../../src/wire/frame-reader.js';

/** A stream's bytes in pieces of these sizes, in turn; what is left over is the last piece. */
export function pieces(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const found: Buffer[] = [];
  let at = 0;
  for (const size of sizes) {
    found.push(bytes.subarray(at, at + size));
    at += size;
  }
  return [...found, bytes.subarray(at)];
}

/** The payloads of a stream's frames, each copied out as it comes. */
export function payloads(chunks: readonly Buffer[], limit = Infinity): Buffer[] {
  const found: Buffer[] = [];
  const reader = new FrameReader(limit, (buf, _frame, payload, end) => {
    found.push(Buffer.from(buf.subarray(payload, end)));
  });
  for (const chunk of chunks) reader.push(chunk);
  return found;
}
