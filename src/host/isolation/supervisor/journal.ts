import { FrameReader } from '../../../wire/frame-reader.js';
import { beginTag0, endTag0 } from '../../../wire/tags.js';

const segmentBytes = 256 * 1024;

/** A frame's place: positions of its first byte and of the byte after its last one. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * The input of a connection since its last internal snapshot, as whole frames. Positions count the bytes since the
 * connection's start.
 *
 * It copies what was read. To keep the socket's buffers would cost more: they would outlive V8's young generation, and be
 * freed by full collections only.
 */
export class Journal {
  /** Each of `segmentBytes`; the first one begins at `#first`. */
  readonly #segments: Buffer[] = [];
  /** Segments to use again. */
  readonly #spare: Buffer[] = [];
  #first = 0;
  #start = 0;
  #end = 0;

  /** The position of the oldest byte that is kept. */
  get start(): number {
    return this.#start;
  }

  /** The position after the newest byte. */
  get end(): number {
    return this.#end;
  }

  /** Bytes that are kept. */
  get size(): number {
    return this.#end - this.#start;
  }

  /** Appends a copy of whole frames: `buf[start..end)`. */
  append(buf: Buffer, start: number, end: number): void {
    for (let at = start; at < end;) {
      const offset = this.#end - this.#first;
      const index = Math.floor(offset / segmentBytes);
      if (index === this.#segments.length) {
        this.#segments.push(this.#spare.pop() ?? Buffer.allocUnsafeSlow(segmentBytes));
      }
      const count = buf.copy(this.#segments[index]!, offset - index * segmentBytes, at, end);
      at += count;
      this.#end += count;
    }
  }

  /** Forgets what is before `position`. */
  release(position: number): void {
    this.#start = position;
    const freed = this.#segments.splice(0, Math.floor((position - this.#first) / segmentBytes));
    this.#first += freed.length * segmentBytes;
    // As many will be needed until the next snapshot if the input continues at this rate.
    this.#spare.length = Math.min(this.#spare.length, freed.length);
    while (this.#spare.length < freed.length) this.#spare.push(freed.pop()!);
  }

  /** Some of the bytes from `position` on, up to `limit`: at least one. They may change once they are released. */
  read(position: number, limit: number): Buffer {
    const offset = position - this.#first;
    const index = Math.floor(offset / segmentBytes);
    const at = offset - index * segmentBytes;
    return this.#segments[index]!.subarray(at, Math.min(segmentBytes, at + limit - position));
  }

  /** Where the batch began that `position` is in; `position` itself if it is in none. */
  batchStart(position: number): number {
    let open: number | undefined;
    this.visitFrames(this.#start, (span, payload) => {
      if (span.start >= position) return false;
      if (payload[0] === beginTag0) open = span.start;
      else if (payload[0] === endTag0) open = undefined;
      return true;
    });
    return open ?? position;
  }

  /** Calls `visit` for each frame from `position` on, until it returns false or the journal ends. */
  visitFrames(position: number, visit: (span: Span, payload: Buffer) => boolean): void {
    let at = position;
    const walk = { isDone: false };
    const reader = new FrameReader(Infinity, (buf, frame, payload, end) => {
      const span = { start: at, end: at + end - frame };
      at = span.end;
      walk.isDone = !visit(span, buf.subarray(payload, end));
      if (walk.isDone) reader.stop();
    });
    for (let next = position; !walk.isDone && next < this.#end;) {
      const bytes = this.read(next, this.#end);
      next += bytes.length;
      reader.push(bytes);
    }
  }
}
