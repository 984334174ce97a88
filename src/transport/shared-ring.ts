/** Indexes of the words of a ring's head, which precedes its bytes. */
const written = 0;
const taken = 1;
const readerWaits = 2;
const writerWaits = 3;

const headBytes = 64;

/**
 * A queue of bytes in shared memory, from one thread to one other. It holds no boundaries: what is read may be a part of
 * what was written, or several writes at once.
 *
 * Either side that finds nothing to do sets a flag, and the other one calls `wake` when that has changed: a message
 * between threads costs as much as a hundred points, so none is sent to a side that is at work.
 */
export class SharedRing {
  /** What to give to the other thread. */
  readonly memory: SharedArrayBuffer;
  readonly #head: Int32Array;
  readonly #bytes: Buffer;
  readonly #capacity: number;
  readonly #wake: () => void;

  /** `memory` is that of the other side's ring, or a capacity in bytes: a power of two. `wake` wakes the other side. */
  constructor(memory: SharedArrayBuffer | number, wake: () => void) {
    this.memory = typeof memory === 'number' ? new SharedArrayBuffer(headBytes + memory) : memory;
    this.#head = new Int32Array(this.memory, 0, headBytes / 4);
    this.#bytes = Buffer.from(this.memory, headBytes);
    this.#capacity = this.#bytes.length;
    this.#wake = wake;
  }

  /** Bytes that have been written and not been read. The counters wrap at 2^32, which their difference does not show. */
  get size(): number {
    return (Atomics.load(this.#head, written) - Atomics.load(this.#head, taken)) >>> 0;
  }

  /** Copies bytes into the ring: as many as there is room for. Returns how many; with fewer than all, `wake` follows. */
  write(buf: Uint8Array, start: number, end: number): number {
    let count = this.#copyIn(buf, start, end);
    if (start + count < end) {
      Atomics.store(this.#head, writerWaits, 1);
      count += this.#copyIn(buf, start + count, end); // room may have been made before the flag was set
      if (start + count === end) Atomics.store(this.#head, writerWaits, 0);
    }
    return count;
  }

  /** The next bytes, at most `max`, in memory of their own; `undefined` if there are none: `wake` follows. */
  read(max: number): Buffer | undefined {
    let chunk = this.#copyOut(max);
    if (chunk === undefined) {
      Atomics.store(this.#head, readerWaits, 1);
      chunk = this.#copyOut(max); // bytes may have come before the flag was set
      if (chunk !== undefined) Atomics.store(this.#head, readerWaits, 0);
    }
    return chunk;
  }

  #copyIn(buf: Uint8Array, start: number, end: number): number {
    const count = Math.min(end - start, this.#capacity - this.size);
    if (count === 0) return 0;
    const position = Atomics.load(this.#head, written);
    const at = (position >>> 0) % this.#capacity;
    const first = Math.min(count, this.#capacity - at);
    this.#bytes.set(buf.subarray(start, start + first), at);
    if (first < count) this.#bytes.set(buf.subarray(start + first, start + count), 0);
    Atomics.store(this.#head, written, (position + count) | 0);
    this.#wakeIf(readerWaits);
    return count;
  }

  #copyOut(max: number): Buffer | undefined {
    const count = Math.min(this.size, max);
    if (count === 0) return undefined;
    const position = Atomics.load(this.#head, taken);
    const at = (position >>> 0) % this.#capacity;
    const first = Math.min(count, this.#capacity - at);
    // Not from Node's pool: the points of this chunk may be kept, and would pin the pool's slab.
    const chunk = Buffer.allocUnsafeSlow(count);
    this.#bytes.copy(chunk, 0, at, at + first);
    if (first < count) this.#bytes.copy(chunk, first, 0, count - first);
    Atomics.store(this.#head, taken, (position + count) | 0);
    this.#wakeIf(writerWaits);
    return chunk;
  }

  #wakeIf(flag: typeof readerWaits | typeof writerWaits): void {
    if (Atomics.exchange(this.#head, flag, 0) === 1) this.#wake();
  }
}
