import { FrameReader } from '../../wire/frame-reader.js';

/** Memory of a chunk besides its bytes, estimated. */
const chunkOverheadBytes = 256;

interface Chunk {
  /** The position of its first byte. */
  readonly start: number;
  readonly bytes: Buffer;
}

/** A frame's place: positions of its first byte and of the byte after its last one. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * The input of a connection since its last internal snapshot, as whole frames. Positions count the bytes since the
 * connection's start.
 *
 * It keeps what was read from the socket without copying it.
 */
export class Journal {
  #chunks: Chunk[] = [];
  #start = 0;
  #end = 0;
  #retained = 0;
  /** The index of the chunk that the last `read` ended in: reads are mostly sequential. */
  #lastRead = 0;

  /** The position of the oldest byte that is kept. */
  get start(): number {
    return this.#start;
  }

  /** The position after the newest byte. */
  get end(): number {
    return this.#end;
  }

  /** Bytes of memory in use. */
  get retainedBytes(): number {
    return this.#retained;
  }

  /** Appends whole frames. The bytes must not change afterwards. */
  append(bytes: Buffer): void {
    this.#chunks.push({ start: this.#end, bytes });
    this.#end += bytes.length;
    this.#retained += bytes.length + chunkOverheadBytes;
  }

  /** Forgets what is before `position`; a chunk is freed when all of it is. */
  release(position: number): void {
    this.#start = position;
    let freed = 0;
    for (const { start, bytes } of this.#chunks) {
      if (start + bytes.length > position) break;
      this.#retained -= bytes.length + chunkOverheadBytes;
      freed++;
    }
    if (freed > 0) this.#chunks = this.#chunks.slice(freed);
    this.#lastRead = 0;
  }

  /** Some of the bytes from `position` on, up to `limit`: at least one. */
  read(position: number, limit: number): Buffer {
    const { start, bytes } = this.#chunkAt(position);
    return bytes.subarray(position - start, Math.min(limit, start + bytes.length) - start);
  }

  /** A copy of a part, in one piece. */
  copy({ start, end }: Span): Buffer {
    const pieces: Buffer[] = [];
    for (let at = start; at < end; at += pieces.at(-1)!.length) pieces.push(this.read(at, end));
    return Buffer.concat(pieces);
  }

  /** Calls `visit` for each frame from `position` on, until it returns false or the journal ends. */
  visitFrames(position: number, visit: (span: Span, payload: Buffer) => boolean): void {
    let at = position;
    const walk = { goesOn: true };
    const reader = new FrameReader(Infinity, (buf, frame, payload, end) => {
      const span = { start: at, end: at + end - frame };
      at = span.end;
      walk.goesOn = visit(span, buf.subarray(payload, end));
      if (!walk.goesOn) reader.stop();
    });
    // A chunk ends with a frame, so `at` is the start of the next one.
    while (walk.goesOn && at < this.#end) reader.push(this.read(at, this.#end));
  }

  #chunkAt(position: number): Chunk {
    let index = this.#lastRead;
    if (index >= this.#chunks.length || this.#chunks[index]!.start > position) index = 0;
    while (this.#chunks[index]!.start + this.#chunks[index]!.bytes.length <= position) index++;
    this.#lastRead = index;
    return this.#chunks[index]!;
  }
}
