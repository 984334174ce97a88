import type { Journal } from '../supervisor/journal.js';

/** Appends received frames to the journal: those that are adjacent in one buffer in a single copy. */
export class JournalWriter {
  readonly #journal: Journal;
  /** The frames that are not in the journal yet: `#buf[#start..#end)`. */
  #buf: Buffer | undefined;
  #start = 0;
  #end = 0;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** The position after the last added frame. */
  get end(): number {
    return this.#journal.end + (this.#buf === undefined ? 0 : this.#end - this.#start);
  }

  /** Adds the frame in `buf[frame..end)`. */
  add(buf: Buffer, frame: number, end: number): void {
    if (buf !== this.#buf || frame !== this.#end) {
      this.flush();
      this.#buf = buf;
      this.#start = frame;
    }
    this.#end = end;
  }

  /** To be called before the journal is read, and before the buffer is used again. */
  flush(): void {
    if (this.#buf === undefined) return;
    this.#journal.append(this.#buf, this.#start, this.#end);
    this.#buf = undefined;
  }
}
