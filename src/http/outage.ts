/** An outage of a server at the time of a report. */
export interface Outage {
  /** Why the last request failed. */
  readonly reason: string;
  /** Milliseconds since the first request failed; 0 in the first report. */
  readonly ms: number;
}

export interface OutageReportOptions {
  /** From the first report to the second, 10 s by default; doubles with each further one. */
  readonly firstIntervalMs?: number | undefined;
  /** 10 minutes by default. */
  readonly maxIntervalMs?: number | undefined;
  /** Monotonic milliseconds. */
  readonly now?: (() => number) | undefined;
}

/** Decides which failures of a server are reported: the first one, then others at growing intervals. */
export class OutageReports {
  readonly #firstIntervalMs: number;
  readonly #maxIntervalMs: number;
  readonly #now: () => number;
  /** `undefined` while the server answers. */
  #outage: { readonly since: number; nextAt: number; intervalMs: number } | undefined;

  constructor(options: OutageReportOptions = {}) {
    const { firstIntervalMs = 10_000, maxIntervalMs = 600_000, now = () => performance.now() } = options;
    this.#firstIntervalMs = firstIntervalMs;
    this.#maxIntervalMs = maxIntervalMs;
    this.#now = now;
  }

  /** Takes a failure. Returns what to report; `undefined` if it is too early for another report. */
  failed(reason: string): Outage | undefined {
    const now = this.#now();
    const intervalMs = this.#outage
      ? Math.min(2 * this.#outage.intervalMs, this.#maxIntervalMs)
      : this.#firstIntervalMs;
    if (this.#outage && now < this.#outage.nextAt) return undefined;
    const since = this.#outage?.since ?? now;
    this.#outage = { since, nextAt: now + intervalMs, intervalMs };
    return { reason, ms: now - since };
  }

  /** Ends the outage. Returns its milliseconds; `undefined` if there was none. */
  ended(): number | undefined {
    const outage = this.#outage;
    this.#outage = undefined;
    return outage && this.#now() - outage.since;
  }
}
