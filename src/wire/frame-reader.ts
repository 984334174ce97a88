import { UdfError } from '../model/errors.js';
import { maxLengthBytes } from './framing.js';

/** Receives one frame: its length prefix starts at `frame`, its payload is `buf[payload..end)`. */
export type FrameHandler = (buf: Buffer, frame: number, payload: number, end: number) => void;

/** A separate limit for messages whose payload begins with a certain byte; `name` is that of the setting. */
export interface SpecialLimit {
  readonly firstByte: number;
  readonly limit: number;
  readonly name: string;
}

/**
 * Splits a byte stream into frames, wherever its chunks begin and end. A frame within one chunk is passed on in place;
 * only one that straddles chunks is copied into memory of its own.
 *
 * Above a kilobyte, that memory grows with the bytes received, not with the announced length: announcing a large
 * message costs the peer its bytes before it costs us memory.
 */
export class FrameReader {
  readonly #limit: number;
  #onFrame: FrameHandler;
  readonly #special: SpecialLimit | undefined;
  /** The first bytes of an incomplete frame: `#partial[0..#filled)`. */
  #partial: Buffer = empty;
  #filled = 0;
  #stopped = false;

  /** `limit` is the max size of a payload in bytes; `special` replaces it for one kind of message. */
  constructor(limit: number, onFrame: FrameHandler, special?: SpecialLimit) {
    this.#limit = limit;
    this.#onFrame = onFrame;
    this.#special = special;
  }

  /** Calls another handler from the next frame on. */
  setHandler(onFrame: FrameHandler): void {
    this.#onFrame = onFrame;
  }

  /** Whether the bytes received so far end within a frame. */
  get midFrame(): boolean {
    return this.#filled > 0;
  }

  /** Bytes received of the incomplete frame. */
  get partialBytes(): number {
    return this.#filled;
  }

  /** Calls the handler no more, not even for the rest of the current chunk. */
  stop(): void {
    this.#stopped = true;
    this.#partial = empty;
    this.#filled = 0;
  }

  /**
   * Reads the next chunk and calls the handler with each frame that it completes.
   * Throws `limit` for a message above its limit, and `malformed` for a length prefix of more than five bytes.
   */
  push(chunk: Buffer): void {
    let at = this.#filled > 0 ? this.#complete(chunk) : 0;
    const length = chunk.length;
    while (at < length && !this.#stopped) {
      let payload = at + 1;
      let size = chunk[at]!;
      if (size > 0x7f) {
        // Inlined for a length of two bytes, which most points have.
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
    // The rest is copied: a slice of a few bytes would keep the whole chunk in memory.
    if (at < length && !this.#stopped) this.#append(chunk, at, length);
  }

  /**
   * Appends the missing bytes to the incomplete frame, passes it on once complete, and returns the next frame's start.
   */
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

  /**
   * Appends to the incomplete frame. Its memory doubles as needed, up to `whole` bytes; small ones come from Node's
   * pool.
   */
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

  /** The length prefix at `at`, its end in `lengthEnd`; -1 if it is incomplete. */
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

  /** Throws `limit` if `size` is above the limit for this first byte; `undefined` if that byte is not received yet. */
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

/** Memory taken at once for an incomplete frame. */
const smallBytes = 1024;

/**
 * Second result of `#readLength`: where the length ends. A module variable, because an object would cost an allocation.
 */
let lengthEnd = 0;
