/** Indexes of the words of a ring's head, which precedes its records. */
const written = 0;
const taken = 1;
const reader = 2;
const writer = 3;

// What a side that waits wants to be woken by.
const isAwake = 0;
const wantsMessage = 1;
const isBlocked = 2;

const headBytes = 64;

/** V8 copies shared memory by words if both sides are aligned alike, and byte by byte otherwise: six times as slowly. */
const wordBytes = 8;

/** A record begins with its number of bytes, and how many bytes are left out before them for their alignment. */
const recordHeadBytes = 8;

/** The smallest record, and the room for it, which the end of the memory may not have. */
const minRecordBytes = recordHeadBytes + 2 * wordBytes;

/** Max bytes of a record: as many as a socket's chunk. */
const maxRecordBytes = 64 * 1024;

/**
 * A queue of bytes in shared memory, from one thread to one other. Records are not messages: what is read may be a part of
 * what was written.
 *
 * Either side that finds nothing to do sets a flag, and the other one calls `wake` when that has changed: a message
 * between threads costs as much as a hundred points, so none is sent to a side that is at work.
 */
export class SharedRing {
  /** What to give to the other thread. */
  readonly memory: SharedArrayBuffer;
  readonly #head: Int32Array;
  readonly #bytes: Buffer;
  /** The same memory as words: a record's head is two of them. */
  readonly #words: Int32Array;
  readonly #capacity: number;
  readonly #wake: () => void;
  /** Where the next record to read begins. */
  #readPosition: number;

  /** `memory` is that of the other side's ring, or a capacity in bytes: a power of two. `wake` wakes the other side. */
  constructor(memory: SharedArrayBuffer | number, wake: () => void) {
    this.memory = typeof memory === 'number' ? new SharedArrayBuffer(headBytes + memory) : memory;
    this.#head = new Int32Array(this.memory, 0, headBytes / 4);
    this.#bytes = Buffer.from(this.memory, headBytes);
    this.#words = new Int32Array(this.memory, headBytes);
    this.#capacity = this.#bytes.length;
    this.#wake = wake;
    this.#readPosition = Atomics.load(this.#head, taken);
  }

  /** Whether nothing waits to be read. */
  get isEmpty(): boolean {
    return Atomics.load(this.#head, written) === this.#readPosition;
  }

  /** The position after the bytes that were read last, for `release`. */
  get readPosition(): number {
    return this.#readPosition;
  }

  /** Copies bytes into the ring: as many as there is room for. Returns how many; with fewer than all, `wake` follows. */
  write(buf: Uint8Array, start: number, end: number): number {
    let at = this.#writeRecords(buf, start, end);
    if (at < end) {
      Atomics.store(this.#head, writer, wantsMessage);
      at = this.#writeRecords(buf, at, end); // room may have been made before the flag was set
      if (at === end) Atomics.store(this.#head, writer, isAwake);
    }
    return at - start;
  }

  /** A copy of the next bytes; `undefined` if there are none: `wake` follows. */
  read(): Buffer | undefined {
    return this.#copied(this.readInPlace());
  }

  /** As `read`, but in the ring's own memory, where they stay until `release`. */
  readInPlace(): Buffer | undefined {
    let chunk = this.#nextRecord();
    if (chunk === undefined) {
      Atomics.store(this.#head, reader, wantsMessage);
      chunk = this.#nextRecord(); // one may have come before the flag was set
      if (chunk !== undefined) Atomics.store(this.#head, reader, isAwake);
    }
    return chunk;
  }

  /** Makes room of all that was read up to `position`. */
  release(position: number): void {
    Atomics.store(this.#head, taken, position);
    this.#wakeSide(writer);
  }

  /**
   * As `read`, but blocks this thread for at most `maxMs` until there are bytes. To wake a blocked thread costs the writer a
   * tenth of a message.
   */
  readWithin(maxMs: number): Buffer | undefined {
    const chunk = this.#nextRecord();
    if (chunk !== undefined) return this.#copied(chunk);
    const position = Atomics.load(this.#head, written);
    Atomics.store(this.#head, reader, isBlocked);
    Atomics.wait(this.#head, written, position, maxMs); // not if it has changed before
    Atomics.store(this.#head, reader, isAwake);
    return this.read();
  }

  #copied(chunk: Buffer | undefined): Buffer | undefined {
    if (chunk === undefined) return undefined;
    // Not from Node's pool: the points of this chunk may be kept, and would pin the pool's slab.
    const gap = chunk.byteOffset % wordBytes;
    const copy = Buffer.allocUnsafeSlow(gap + chunk.length).subarray(gap);
    copy.set(chunk);
    this.release(this.#readPosition);
    return copy;
  }

  /** Bytes in use. The counters wrap at 2^32, which their difference does not show. */
  #used(): number {
    return (Atomics.load(this.#head, written) - Atomics.load(this.#head, taken)) >>> 0;
  }

  #writeRecords(buf: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end) {
      const count = this.#writeRecord(buf, at, Math.min(end, at + maxRecordBytes));
      if (count === 0) break;
      at += count;
    }
    return at;
  }

  /** Writes a record without a gap in memory, of as many bytes as there is room for. */
  #writeRecord(buf: Uint8Array, start: number, end: number): number {
    const position = Atomics.load(this.#head, written);
    let at = (position >>> 0) % this.#capacity;
    let room = this.#capacity - this.#used();
    const skipped = this.#skippedAt(at);
    at = (at + skipped) % this.#capacity;
    room = Math.min(room - skipped, this.#capacity - at);
    if (room < minRecordBytes) return 0;
    const gap = (buf.byteOffset + start) % wordBytes;
    const count = Math.min(end - start, room - recordHeadBytes - gap);
    const first = at + recordHeadBytes + gap;
    this.#words[at / 4] = count;
    this.#words[at / 4 + 1] = gap;
    this.#bytes.set(buf.subarray(start, start + count), first);
    Atomics.store(this.#head, written, (position + skipped + recordBytes(gap, count)) | 0);
    this.#wakeSide(reader);
    return count;
  }

  #nextRecord(): Buffer | undefined {
    if (this.isEmpty) return undefined;
    const position = this.#readPosition;
    let at = (position >>> 0) % this.#capacity;
    const skipped = this.#skippedAt(at);
    at = (at + skipped) % this.#capacity;
    const count = this.#words[at / 4]!;
    const gap = this.#words[at / 4 + 1]!;
    const first = at + recordHeadBytes + gap;
    this.#readPosition = (position + skipped + recordBytes(gap, count)) | 0;
    return this.#bytes.subarray(first, first + count);
  }

  /** Bytes to leave out at the end of the memory, where no record fits. */
  #skippedAt(at: number): number {
    const rest = this.#capacity - at;
    return rest < minRecordBytes ? rest : 0;
  }

  #wakeSide(side: typeof reader | typeof writer): void {
    const wanted = Atomics.exchange(this.#head, side, isAwake);
    if (wanted === wantsMessage) this.#wake();
    else if (wanted === isBlocked) Atomics.notify(this.#head, written);
  }
}

/** Bytes of a whole record, so that the next one is aligned. */
function recordBytes(gap: number, count: number): number {
  return recordHeadBytes + Math.ceil((gap + count) / wordBytes) * wordBytes;
}
