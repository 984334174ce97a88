/** A frame that waits: `buf[frame..end)`, its payload at `payload`. */
export interface WaitingFrame {
  readonly buf: Buffer;
  readonly frame: number;
  readonly payload: number;
  readonly end: number;
}

/** So many empty places are no trouble. */
const maxEmpty = 256;

/** Frames that came while a handler was busy, in order. */
export class Inbox {
  /** What has been handed out is left behind empty, lest it hold the buffer that it lies in. */
  #frames: (WaitingFrame | undefined)[] = [];
  #next = 0;
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  get empty(): boolean {
    return this.#next === this.#frames.length;
  }

  push(frame: WaitingFrame): void {
    this.#frames.push(frame);
    this.#bytes += frame.end - frame.frame;
  }

  /** The next frame; there must be one. */
  shift(): WaitingFrame {
    const frame = this.#frames[this.#next]!;
    this.#frames[this.#next++] = undefined;
    this.#bytes -= frame.end - frame.frame;
    if (this.#next === this.#frames.length) this.clear();
    else if (this.#next >= maxEmpty && 2 * this.#next >= this.#frames.length) this.#compact();
    return frame;
  }

  /** As seldom as what is moved is less than what is dropped. */
  #compact(): void {
    this.#frames = this.#frames.slice(this.#next);
    this.#next = 0;
  }

  clear(): void {
    this.#frames = [];
    this.#next = 0;
    this.#bytes = 0;
  }
}
