import { viewToRead } from '../../wire/view.js';
import { copyWords, equalWords, hashWords, wordsIn } from '../../wire/words.js';

/**
 * The groups' names, compared where they lie.
 *
 * A name is kept as its bytes, four to a word, in one array for all: that takes no object a name, and a comparison of
 * words takes a quarter of the steps that one of bytes does.
 */
export class GroupNames {
  readonly #seed: number;
  #words = new Int32Array(256);
  /** The same memory as bytes, to read names from without an object for each. */
  #wordBytes = Buffer.from(this.#words.buffer);
  #used = 0;
  /** Words of names that were removed. */
  #wasted = 0;
  /** Where each name starts in `#words`, and its bytes; -1 where there is none. */
  #starts = new Int32Array(32);
  #bytes = new Int32Array(32).fill(-1);

  /** Hashes are seeded, so that nobody can choose names that collide. */
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

  /** Keeps the name `buf[start..start + length)` at `index`, where none must be. */
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

  /** The memory taken. */
  get bytes(): number {
    return this.#words.byteLength + this.#starts.byteLength + this.#bytes.byteLength;
  }

  has(index: number): boolean {
    return this.#bytes[index]! >= 0;
  }

  /** The name's bytes, one character each; `undefined` if there is none. */
  binary(index: number): string | undefined {
    const bytes = this.#bytes[index] ?? -1;
    if (bytes < 0) return undefined;
    const start = 4 * this.#starts[index]!;
    return this.#wordBytes.toString('latin1', start, start + bytes);
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

  /** Moves the names together, into a larger array if less than half of it is wasted. */
  #makeRoom(count: number): void {
    const old = this.#words;
    const needed = this.#used - this.#wasted + count;
    const words = new Int32Array(Math.max(old.length, 2 * needed > old.length ? 2 * needed : 0));
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
