/** Kapacitor gives up after `timeout` without a response, 10 s in its own examples; this leaves room for a short one. */
const intervalMs = 250;

/**
 * Keepalives on our own: while reading is paused Kapacitor's requests stay unread, but any response resets its timer.
 */
export class Heartbeat {
  readonly #beat: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(beat: () => void) {
    this.#beat = beat;
  }

  /** Beats at once and then regularly. */
  start(): void {
    if (this.#timer) return;
    this.#beat();
    this.#timer = setInterval(this.#beat, intervalMs);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
