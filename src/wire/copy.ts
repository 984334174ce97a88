import { viewToRead, viewToWrite } from './view.js';

/** Up to here a copy by words takes less time than a call of `Buffer.copy`, which makes an object. */
const maxByWords = 192;

/** Copies `from[start..end)` to `at`, in another buffer, and returns where it ends there. */
export function copy(to: Buffer, at: number, from: Buffer, start: number, end: number): number {
  if (end - start > maxByWords) return at + from.copy(to, at, start, end);
  const source = viewToRead(from);
  const target = viewToWrite(to);
  let index = start;
  // Four words a turn take two thirds of the time that one does.
  for (; index + 16 <= end; index += 16, at += 16) {
    target.setInt32(at, source.getInt32(index, true), true);
    target.setInt32(at + 4, source.getInt32(index + 4, true), true);
    target.setInt32(at + 8, source.getInt32(index + 8, true), true);
    target.setInt32(at + 12, source.getInt32(index + 12, true), true);
  }
  for (; index + 4 <= end; index += 4, at += 4) target.setInt32(at, source.getInt32(index, true), true);
  for (; index < end; index++) to[at++] = from[index]!;
  return at;
}
