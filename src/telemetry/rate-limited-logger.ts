import type { Logger } from './logger.js';

const intervalMs = 10_000;

/** Logs an event that every point may cause at most once in ten seconds, with the number of suppressed lines. */
export class RateLimitedLogger {
  readonly #logger: Logger;
  #nextAt = 0;
  #suppressed = 0;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** A message that is costly to make is given as a function. */
  error(details: () => object, message: string | (() => string), now = performance.now()): void {
    if (now < this.#nextAt) {
      this.#suppressed++;
      return;
    }
    this.#nextAt = now + intervalMs;
    const suppressed = this.#suppressed;
    this.#suppressed = 0;
    this.#logger.error(
      suppressed > 0 ? { ...details(), suppressed } : details(),
      typeof message === 'string' ? message : message(),
    );
  }
}
