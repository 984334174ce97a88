/**
 * Short pieces of bytes as 32-bit words, to be hashed and compared by tables: a quarter of the steps that bytes take.
 * The last word is filled up with zeros, so whoever compares must compare the number of bytes too.
 *
 * The bytes are given by a view of their buffer, see `viewToRead`.
 */
export function wordsIn(bytes: number): number {
  return (bytes + 3) >>> 2;
}

/** A hash of the `length` bytes at `start`. */
export function hashWords(view: DataView, start: number, length: number, seed: number): number {
  const rest = length & 3;
  const whole = start + length - rest;
  let hash = seed ^ length;
  for (let at = start; at < whole; at += 4) hash = mixed(hash, view.getInt32(at, true));
  if (rest > 0) hash = mixed(hash, lastWord(view, whole, rest));
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  return hash ^ (hash >>> 13);
}

/** Whether the `length` bytes at `start` are those that `copyWords` has put at `words[index]`. */
export function equalWords(
  words: Int32Array,
  index: number,
  view: DataView,
  start: number,
  length: number,
): boolean {
  const rest = length & 3;
  const whole = start + length - rest;
  for (let at = start; at < whole; at += 4) if (words[index++] !== view.getInt32(at, true)) return false;
  return rest === 0 || words[index] === lastWord(view, whole, rest);
}

/** Puts the `length` bytes at `start` into `words` from `index` on, where there must be room. */
export function copyWords(
  words: Int32Array,
  index: number,
  view: DataView,
  start: number,
  length: number,
): void {
  const rest = length & 3;
  const whole = start + length - rest;
  for (let at = start; at < whole; at += 4) words[index++] = view.getInt32(at, true);
  if (rest > 0) words[index] = lastWord(view, whole, rest);
}

function lastWord(view: DataView, at: number, bytes: number): number {
  let word = view.getUint8(at);
  if (bytes > 1) word |= view.getUint8(at + 1) << 8;
  if (bytes > 2) word |= view.getUint8(at + 2) << 16;
  return word;
}

function mixed(hash: number, word: number): number {
  const product = Math.imul(hash ^ word, 0x9e37_79b1);
  return product ^ (product >>> 15);
}
