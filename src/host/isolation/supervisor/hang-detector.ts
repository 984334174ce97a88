/** What a worker is asked at each check. */
export interface Watched {
  /** Whether it has something to do. */
  readonly isWorking: boolean;
  /** A number that changes whenever it does something. */
  readonly activity: number;
  readonly maxMs: number;
}

/** Checks within the shortest time limit, so that it is met within a quarter. */
const checksPerLimit = 4;
const minIntervalMs = 10;
const maxIntervalMs = 1_000;

/** How often to check for a limit of `maxMs`; 0 is no limit. */
export function checkIntervalMs(maxMs: number): number {
  if (maxMs === 0) return maxIntervalMs;
  return Math.min(maxIntervalMs, Math.max(minIntervalMs, Math.floor(maxMs / checksPerLimit)));
}

/**
 * Detects hung workers. It counts checks instead of time: while this process itself is stopped or starved,
 * its workers are too.
 */
export class HangDetector {
  readonly #intervalMs: number;
  #activity = NaN;
  #idleMs = 0;

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** To be called at each interval. Returns whether the worker has done nothing for `maxMs` although it has work. */
  check({ isWorking, activity, maxMs }: Watched): boolean {
    if (!isWorking || activity !== this.#activity) {
      this.#activity = activity;
      this.#idleMs = 0;
      return false;
    }
    this.#idleMs += this.#intervalMs;
    return maxMs > 0 && this.#idleMs >= maxMs;
  }
}
