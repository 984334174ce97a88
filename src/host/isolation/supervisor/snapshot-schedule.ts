/** Bytes of input between two snapshots, unless these take long. */
const bytesPerSnapshot = 4 * 1024 * 1024;

/** A snapshot stops its task: they may take one part in this many of the time. */
const minIntervalPerDuration = 20;

/**
 * When to take a connection's internal snapshots: often enough that a worker's successor has little input to repeat and the
 * journal stays small, and as rarely as a large state needs.
 */
export class SnapshotSchedule {
  readonly #maxJournalBytes: number;
  readonly #intervalMs: number;
  #startedAt = 0;
  #endedAt = performance.now();
  #durationMs = 0;

  constructor(maxJournalBytes: number, intervalMs: number) {
    this.#maxJournalBytes = maxJournalBytes;
    this.#intervalMs = intervalMs;
  }

  /** Milliseconds that the last snapshot took. */
  get durationMs(): number {
    return this.#durationMs;
  }

  /** Whether one is due, with so much input since the last one. */
  isDue(inputBytes: number): boolean {
    if (inputBytes === 0) return false;
    if (inputBytes >= this.#maxJournalBytes / 2) return true;
    const age = performance.now() - this.#endedAt;
    if (age >= this.#intervalMs) return true;
    return inputBytes >= bytesPerSnapshot && age >= minIntervalPerDuration * this.#durationMs;
  }

  started(): void {
    this.#startedAt = performance.now();
  }

  ended(): void {
    this.#endedAt = performance.now();
    this.#durationMs = this.#endedAt - this.#startedAt;
  }
}
