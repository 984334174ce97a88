import { viewToRead } from '../../wire/view.js';
import { copyWords, equalWords, hashWords, wordsIn } from '../../wire/words.js';

/**
 * The groups' names, compared in place.
 *
 * All names are stored as bytes in one array, four to a word: no object is allocated per name, and comparing words takes a
 * quarter of the steps of comparing bytes.
 */
export class GroupNames {
  readonly #seed: number;
  #words = new Int32Array(256);
  /** The same memory as bytes, to read names from without an object for each. */
  #wordBytes = Buffer.from(this.#words.buffer);
  #used = 0;
  /** Words of names that were removed. */
  #wasted = 0;
  /** Each name's offset in `#words`, and its length in bytes; -1 where there is no name. */
  #starts = new Int32Array(32);
  #bytes = new Int32Array(32).fill(-1);

  /** `seed` makes hashes unpredictable, so that colliding names cannot be crafted. */
  constructor(seed: number) {
    this.#seed = seed;
  }

  /** A hash of the name `buf[start..start + length)`. */
  hash(buf: Uint8Array, start: number, length: number): number {
    return hashWords(viewToRead(buf), start, length, this.#seed);
  }

  /** Whether the name at `index` is `buf[start..start + length)`. */
  is(index: number, buf: Uint8Array, start: number, length: number): boolean {
    return (
      this.#bytes[index] === length &&
      equalWords(this.#words, this.#starts[index]!, viewToRead(buf), start, length)
    );
  }

  /** Stores the name `buf[start..start + length)` at `index`, which must be free. */
  keep(index: number, buf: Uint8Array, start: number, length: number): void {
    const count = wordsIn(length);
    if (this.#used + count > this.#words.length) this.#makeRoom(count);
    if (index >= this.#starts.length) {
      this.#starts = resized(this.#starts, 2 * index);
      this.#bytes = resized(this.#bytes, 2 * index, -1);
    }
    copyWords(this.#words, this.#used, viewToRead(buf), start, length);
    this.#starts[index] = this.#used;
    this.#bytes[index] = length;
    this.#used += count;
  }

  /** Allocates for this many names in all, of `words` words, at once, instead of doubling. */
  reserve(count: number, words: number): void {
    if (words > this.#words.length) this.#grow(words);
    if (count <= this.#starts.length) return;
    this.#starts = resized(this.#starts, count);
    this.#bytes = resized(this.#bytes, count, -1);
  }

  /** As `reserve`, with at most `maxBytes` of names, assuming that they are like those of `known` indexes so far. */
  reserveLike(count: number, known: number, maxBytes: number): void {
    const words = (this.#used / known) * count;
    this.reserve(count, Math.ceil(Math.min(words, maxBytes / 4)));
  }

  /** Memory used, in bytes. */
  get bytes(): number {
    return this.#words.byteLength + this.#starts.byteLength + this.#bytes.byteLength;
  }

  has(index: number): boolean {
    return this.#bytes[index]! >= 0;
  }

  /** The name in latin1, one character per byte; `undefined` if there is none. */
  binary(index: number): string | undefined {
    const bytes = this.#bytes[index] ?? -1;
    if (bytes < 0) return undefined;
    const start = 4 * this.#starts[index]!;
    return this.#wordBytes.toString('latin1', start, start + bytes);
  }

  /** The length of the name at `index` in bytes; there must be one. */
  length(index: number): number {
    return this.#bytes[index]!;
  }

  /** Copies the name at `index`, which must exist, to `to[at…)`. */
  copy(index: number, to: Uint8Array, at: number): void {
    const start = 4 * this.#starts[index]!;
    const end = start + this.#bytes[index]!;
    for (let from = start; from < end; from++) to[at++] = this.#wordBytes[from]!;
  }

  remove(index: number): void {
    this.#wasted += wordsIn(this.#bytes[index]!);
    this.#bytes[index] = -1;
  }

  clear(): void {
    this.#setWords(new Int32Array(256));
    this.#starts = new Int32Array(32);
    this.#bytes = new Int32Array(32).fill(-1);
    this.#used = this.#wasted = 0;
  }

  /** Compacts the names; grows the array unless at least half of it was free or removed. */
  #makeRoom(count: number): void {
    const needed = 2 * (this.#used - this.#wasted + count);
    this.#grow(Math.max(needed, this.#words.length));
  }

  /** Compacts the names into an array of `length` words. */
  #grow(length: number): void {
    const old = this.#words;
    const words = new Int32Array(length);
    if (this.#wasted === 0) {
      words.set(old.subarray(0, this.#used));
      this.#setWords(words);
      return;
    }
    this.#used = this.#wasted = 0;
    for (let index = 0; index < this.#starts.length; index++) {
      const bytes = this.#bytes[index]!;
      if (bytes < 0) continue;
      const start = this.#starts[index]!;
      words.set(old.subarray(start, start + wordsIn(bytes)), this.#used);
      this.#starts[index] = this.#used;
      this.#used += wordsIn(bytes);
    }
    this.#setWords(words);
  }

  #setWords(words: Int32Array<ArrayBuffer>): void {
    this.#words = words;
    this.#wordBytes = Buffer.from(words.buffer);
  }
}

function resized(array: Int32Array, length: number, fill = 0): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(length).fill(fill, array.length);
  larger.set(array);
  return larger;
}
