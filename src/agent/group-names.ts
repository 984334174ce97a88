import { readWords, wordsIn } from '../wire/words.js';

/**
 * The groups' names, compared where they lie.
 *
 * A name is kept as its bytes, four to a word, in one array for all: that takes no object a name, and a comparison of
 * words takes a quarter of the steps that one of bytes does. `read` puts the name that is asked for into words too, and
 * hashes it on the way.
 */
export class GroupNames {
  readonly #seed: number;
  /** The name that was read last. */
  #read = new Int32Array(16);
  #readBytes = 0;

  #words = new Int32Array(256);
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

  /** Takes the name `buf[start..start + length)` as the one that is asked for, and returns its hash. */
  read(buf: Uint8Array, start: number, length: number): number {
    if (length > 4 * this.#read.length) this.#read = new Int32Array(wordsIn(length));
    this.#readBytes = length;
    return readWords(this.#read, buf, start, length, this.#seed);
  }

  /** Whether the name at `index` is the one that was read. */
  isRead(index: number): boolean {
    const length = this.#readBytes;
    if (this.#bytes[index] !== length) return false;
    const words = this.#words;
    const read = this.#read;
    let at = this.#starts[index]!;
    for (let word = 0; 4 * word < length; word++) if (words[at++] !== read[word]) return false;
    return true;
  }

  /** Keeps the name that was read at `index`, where none must be. */
  keep(index: number): void {
    const count = wordsIn(this.#readBytes);
    if (this.#used + count > this.#words.length) this.#makeRoom(count);
    if (index >= this.#starts.length) {
      this.#starts = resized(this.#starts, 2 * index);
      this.#bytes = resized(this.#bytes, 2 * index, -1);
    }
    this.#words.set(this.#read.subarray(0, count), this.#used);
    this.#starts[index] = this.#used;
    this.#bytes[index] = this.#readBytes;
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
    const { buffer } = this.#words;
    return Buffer.from(buffer, 4 * this.#starts[index]!, bytes).toString('latin1');
  }

  remove(index: number): void {
    this.#wasted += wordsIn(this.#bytes[index]!);
    this.#bytes[index] = -1;
  }

  clear(): void {
    this.#words = new Int32Array(256);
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
    this.#words = words;
  }
}

function resized(array: Int32Array, length: number, fill = 0): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(length).fill(fill, array.length);
  larger.set(array);
  return larger;
}
