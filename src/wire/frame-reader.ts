import { UdfError } from '../model/errors.js';
import { maxLengthBytes } from './framing.js';

/** Receives one frame: its length prefix starts at `frame`, its payload is `buf[payload..end)`. */
export type FrameHandler = (buf: Buffer, frame: number, payload: number, end: number) => void;

/** A limit of its own for the messages that begin with a certain byte, and what it is called. */
export interface SpecialLimit {
  readonly firstByte: number;
  readonly limit: number;
  readonly name: string;
}

/**
 * Cuts a byte stream into frames, however its bytes arrive. A frame that lies within one chunk is handed out in place,
 * with no copy; only one that straddles chunks is put together in memory of its own.
 *
 * Above a kilobyte, that memory grows with the bytes that really came: a peer that announces a large message takes none
 * by it.
 */
export class FrameReader {
  readonly #limit: number;
  readonly #onFrame: FrameHandler;
  readonly #special: SpecialLimit | undefined;
  /** The start of a frame whose end has not come: `#partial[0..#filled)`. */
  #partial: Buffer = empty;
  #filled = 0;
  #stopped = false;

  /** Frames with a payload above `limit` bytes are refused, except that `special` ones have a limit of their own. */
  constructor(limit: number, onFrame: FrameHandler, special?: SpecialLimit) {
    this.#limit = limit;
    this.#onFrame = onFrame;
    this.#special = special;
  }

  /** Whether the stream stands in the middle of a frame. */
  get midFrame(): boolean {
    return this.#filled > 0;
  }

  /** Hands out no further frame, not even of the chunk that is being read. */
  stop(): void {
    this.#stopped = true;
    this.#partial = empty;
    this.#filled = 0;
  }

  /**
   * Takes the next bytes and hands out each frame that they complete.
   * Throws `limit` for a message above the limit and `malformed` for a length that is no length.
   */
  push(chunk: Buffer): void {
    let at = this.#filled > 0 ? this.#complete(chunk) : 0;
    const length = chunk.length;
    while (at < length && !this.#stopped) {
      let payload = at + 1;
      let size = chunk[at]!;
      if (size > 0x7f) {
        // Most points have a length of two bytes.
        if (payload < length && chunk[payload]! < 0x80) {
          size = (size & 0x7f) | (chunk[payload++]! << 7);
        } else {
          size = this.#readLength(chunk, at, length);
          if (size < 0) break;
          payload = lengthEnd;
        }
      }
      if (size > this.#limit) this.#checkLarge(size, payload < length ? chunk[payload] : undefined);
      const end = payload + size;
      if (end > length) {
        this.#append(chunk, at, length, end - at);
        return;
      }
      this.#onFrame(chunk, at, payload, end);
      at = end;
    }
    // What is left is copied, not kept as a slice, so that a few bytes never hold a whole chunk in memory.
    if (at < length && !this.#stopped) this.#append(chunk, at, length);
  }

  /** Adds to the unfinished frame what it lacks, hands it out if it is whole, and returns where the chunk goes on. */
  #complete(chunk: Buffer): number {
    let at = 0;
    let size = this.#readLength(this.#partial, 0, this.#filled);
    while (size < 0) {
      if (at === chunk.length) return at;
      this.#append(chunk, at, ++at);
      size = this.#readLength(this.#partial, 0, this.#filled);
    }
    const payload = lengthEnd;
    if (size > this.#limit) {
      const first = this.#filled > payload ? this.#partial[payload] : chunk[at];
      this.#checkLarge(size, first);
      if (first === undefined) return at;
    }
    const end = payload + size;
    const missing = Math.min(end - this.#filled, chunk.length - at);
    this.#append(chunk, at, at + missing, end);
    at += missing;
    if (this.#filled === end) {
      const frame = this.#partial;
      this.#partial = empty;
      this.#filled = 0;
      this.#onFrame(frame, 0, payload, end);
    }
    return at;
  }

  /** Doubles the memory as needed, up to the `whole` frame; a small one has all of its own at once, from Node's pool. */
  #append(chunk: Buffer, start: number, end: number, whole = Infinity): void {
    const filled = this.#filled + end - start;
    if (filled > this.#partial.length) {
      const grown = Buffer.allocUnsafe(Math.min(Math.max(2 * filled, smallBytes), whole));
      this.#partial.copy(grown, 0, 0, this.#filled);
      this.#partial = grown;
    }
    chunk.copy(this.#partial, this.#filled, start, end);
    this.#filled = filled;
  }

  /** The length at `at`, its end in `lengthEnd`; -1 if its bytes have not all come. */
  #readLength(buf: Buffer, at: number, end: number): number {
    let size = 0;
    let scale = 1;
    for (let read = 1; at < end; read++) {
      const byte = buf[at++]!;
      size += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        lengthEnd = at;
        return size;
      }
      if (read === maxLengthBytes) {
        throw new UdfError('malformed', `a message's length takes more than ${maxLengthBytes} bytes`);
      }
      scale *= 0x80;
    }
    return -1;
  }

  /** Refuses a message above the limit that it has by its first byte, which may not have come yet. */
  #checkLarge(size: number, first: number | undefined): void {
    const special = this.#special;
    if (first === undefined && special !== undefined && size <= special.limit) return;
    const { limit, name } =
      first !== undefined && first === special?.firstByte
        ? special
        : { limit: this.#limit, name: 'messageBytes' };
    if (size <= limit) return;
    throw new UdfError('limit', `a message of ${size} bytes is above the limit of ${limit} (${name})`);
  }
}

const empty = Buffer.alloc(0);

/** What an unfinished frame may take before its bytes have come. */
const smallBytes = 1024;

/** Where the length ended that `#readLength` read last: a second result without an allocation per frame. */
let lengthEnd = 0;
