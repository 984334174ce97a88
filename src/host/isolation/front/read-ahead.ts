/** What of a connection's input is read but not handled. */
export interface ReadInput {
  readonly unhandledBytes: number;
  /** The position up to which input is handled. */
  readonly handled: number;
  /** Whether the worker handles nothing for now: it starts, repeats, or gives its state. */
  readonly isWaiting: boolean;
}

/**
 * Decides how far a connection is read ahead of its worker.
 *
 * While the worker handles nothing, reading continues, as keepalives are among the input. What piles up meanwhile is
 * allowed afterwards, and shrinks by one byte for two that are handled: to stop reading until it is all handled would delay
 * the answers to keepalives as long.
 */
export class ReadAhead {
  readonly #maxBytes: number;
  #backlogBytes = 0;
  #handled = 0;
  #isFull = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether reading is to pause. To be called whenever something has changed. */
  isFull({ unhandledBytes, handled, isWaiting }: ReadInput): boolean {
    if (isWaiting) this.#backlogBytes = Math.max(0, unhandledBytes - this.#maxBytes);
    else this.#backlogBytes = Math.max(0, this.#backlogBytes - (handled - this.#handled) / 2);
    this.#handled = handled;
    // Resumes only once there is room again: to pause and resume for each chunk would cost more than the chunk.
    const roomBytes = this.#isFull ? this.#maxBytes / 2 : 0;
    this.#isFull = !isWaiting && unhandledBytes > this.#maxBytes + this.#backlogBytes - roomBytes;
    return this.#isFull;
  }
}
