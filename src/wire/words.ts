import { viewToRead } from './view.js';

/**
 * Short pieces of bytes as 32-bit words, to be hashed and compared by tables: a quarter of the steps that bytes take.
 * The last word is filled up with zeros, so whoever compares must compare the number of bytes too.
 */
export function wordsIn(bytes: number): number {
  return (bytes + 3) >>> 2;
}

/** Puts `buf[start..start + length)` into `words`, which must be large enough, and returns its hash. */
export function readWords(
  words: Int32Array,
  buf: Uint8Array,
  start: number,
  length: number,
  seed: number,
): number {
  const view = viewToRead(buf);
  const whole = start + (length & ~3);
  let hash = seed ^ length;
  let count = 0;
  for (let at = start; at < whole; at += 4) {
    const word = view.getInt32(at, true);
    words[count++] = word;
    hash = mixed(hash, word);
  }
  const rest = length & 3;
  if (rest > 0) {
    let word = buf[whole]!;
    if (rest > 1) word |= buf[whole + 1]! << 8;
    if (rest > 2) word |= buf[whole + 2]! << 16;
    words[count] = word;
    hash = mixed(hash, word);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  return hash ^ (hash >>> 13);
}

function mixed(hash: number, word: number): number {
  const product = Math.imul(hash ^ word, 0x9e37_79b1);
  return product ^ (product >>> 15);
}
