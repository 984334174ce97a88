/**
 * Kapacitor's keepalive: a request every half timeout, and a failure after a whole one without any response. It runs
 * from the start of the connection, also during init and restore, until `stop`.
 */
export class KeepaliveTimer {
  readonly #timeoutMs: number;
  readonly #request: () => void;
  readonly #expired: (lastMs: number) => void;
  #ticker: NodeJS.Timeout | undefined;
  #check: NodeJS.Timeout | undefined;
  #lastResponseMs = 0;

  /** A timeout of 0 disables it, as in Kapacitor. */
  constructor(timeoutMs: number, request: () => void, expired: (lastMs: number) => void) {
    this.#timeoutMs = timeoutMs;
    this.#request = request;
    this.#expired = expired;
  }

  start(): void {
    if (this.#timeoutMs <= 0) return;
    this.#lastResponseMs = Date.now();
    // Unreferenced: a test that forgets to stop must not keep its process alive.
    this.#ticker = setInterval(this.#request, this.#timeoutMs / 2).unref();
    this.#wait(this.#timeoutMs);
  }

  /** Call it at each response. */
  reset(): void {
    this.#lastResponseMs = Date.now();
  }

  stop(): void {
    clearInterval(this.#ticker);
    clearTimeout(this.#check);
  }

  /** Reschedules one timer by the last response: resetting a timer at each response would be slow. */
  #wait(ms: number): void {
    this.#check = setTimeout(() => {
      const left = this.#lastResponseMs + this.#timeoutMs - Date.now();
      if (left > 0) this.#wait(left);
      else this.#expired(this.#lastResponseMs);
    }, ms).unref();
  }
}
