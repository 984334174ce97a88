/** A frame that waits: `buf[frame..end)`, its payload at `payload`. */
export interface WaitingFrame {
  readonly buf: Buffer;
  readonly frame: number;
  readonly payload: number;
  readonly end: number;
}

/** Frames that came while a handler was busy, in order. */
export class Inbox {
  #frames: WaitingFrame[] = [];
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
    const frame = this.#frames[this.#next++]!;
    this.#bytes -= frame.end - frame.frame;
    if (this.#next === this.#frames.length) this.clear();
    return frame;
  }

  clear(): void {
    this.#frames = [];
    this.#next = 0;
    this.#bytes = 0;
  }
}
