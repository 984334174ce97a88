/**
 * Kapacitor's keepalives: a request every half timeout, and the end of the task when no response at all came for a
 * whole one. It watches from the first byte on, init and restore included, until it stops.
 */
export class KeepaliveTimer {
  readonly #timeoutMs: number;
  readonly #ask: () => void;
  readonly #expired: (lastMs: number) => void;
  #ticker: NodeJS.Timeout | undefined;
  #watch: NodeJS.Timeout | undefined;
  #last = 0;

  /** A timeout of 0 means neither requests nor a watch, as in Kapacitor. */
  constructor(timeoutMs: number, ask: () => void, expired: (lastMs: number) => void) {
    this.#timeoutMs = timeoutMs;
    this.#ask = ask;
    this.#expired = expired;
  }

  start(): void {
    if (this.#timeoutMs <= 0) return;
    this.#last = Date.now();
    // Unreferenced: a test that forgets to stop must not keep its process alive.
    this.#ticker = setInterval(this.#ask, this.#timeoutMs / 2).unref();
    this.#wait(this.#timeoutMs);
  }

  /** A response came. */
  reset(): void {
    this.#last = Date.now();
  }

  stop(): void {
    clearInterval(this.#ticker);
    clearTimeout(this.#watch);
  }

  /** One timer that looks again where the last response leaves it, not one a response. */
  #wait(ms: number): void {
    this.#watch = setTimeout(() => {
      const left = this.#last + this.#timeoutMs - Date.now();
      if (left > 0) this.#wait(left);
      else this.#expired(this.#last);
    }, ms).unref();
  }
}
