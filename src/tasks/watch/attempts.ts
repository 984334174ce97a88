/** Limits of how often a task is revived. Times are in milliseconds. */
export interface AttemptLimits {
  /** Delay before the second attempt; doubles with each further one. The first is made at once. */
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
  /** Max attempts within `windowMs`. */
  readonly maxAttempts: number;
  readonly windowMs: number;
  /** How long to leave a task alone after that. */
  readonly retryAfterMs: number;
  /** A task that runs this long after an attempt is healthy: its attempts are forgotten. */
  readonly stableMs: number;
}

export const defaultAttemptLimits: AttemptLimits = {
  firstDelayMs: 1_000,
  maxDelayMs: 60_000,
  maxAttempts: 10,
  windowMs: 600_000,
  retryAfterMs: 600_000,
  stableMs: 30_000,
};

/** Delays vary by this share in both directions, so that tasks that died together do not start together for ever. */
const jitter = 0.2;

interface TaskAttempts {
  times: number[];
  /** No attempt before this time. */
  notBefore: number;
  gaveUp: boolean;
  /** Changes when a person changes the task. */
  revision: string;
}

/** When each task of a Kapacitor may be revived: back-off, and a limit within a window. */
export class Attempts {
  readonly #limits: AttemptLimits;
  readonly #random: () => number;
  readonly #tasks = new Map<string, TaskAttempts>();

  constructor(limits: AttemptLimits, random: () => number = Math.random) {
    this.#limits = limits;
    this.#random = random;
  }

  /**
   * Whether a task may be revived now. `gave-up` is returned once, when the limit is reached; afterwards `later`. A task with
   * another `revision` than at its last attempt starts afresh.
   */
  check(id: string, revision: string, now: number): 'now' | 'later' | 'gave-up' {
    const task = this.#tasks.get(id);
    if (!task) return 'now';
    if (task.revision !== revision) {
      this.#tasks.delete(id);
      return 'now';
    }
    if (now < task.notBefore) return 'later';
    if (task.gaveUp) {
      this.#tasks.delete(id);
      return 'now';
    }
    task.times = task.times.filter((time) => time > now - this.#limits.windowMs);
    if (task.times.length < this.#limits.maxAttempts) return 'now';
    task.gaveUp = true;
    task.notBefore = now + this.#limits.retryAfterMs;
    return 'gave-up';
  }

  /** Counts an attempt; returns its number within the window. */
  begin(id: string, revision: string, now: number): number {
    const { firstDelayMs, maxDelayMs, windowMs } = this.#limits;
    const times = (this.#tasks.get(id)?.times ?? []).filter((time) => time > now - windowMs);
    times.push(now);
    const delay = Math.min(firstDelayMs * 2 ** (times.length - 1), maxDelayMs);
    const notBefore = now + delay * (1 + jitter * (2 * this.#random() - 1));
    this.#tasks.set(id, { times, notBefore, gaveUp: false, revision });
    return times.length;
  }

  /** To be called with the revision that the attempt itself has made. */
  setRevision(id: string, revision: string): void {
    const task = this.#tasks.get(id);
    if (task) task.revision = revision;
  }

  /** To be called while a task runs: forgets its attempts once it is stable. */
  runs(id: string, now: number): void {
    const last = this.#tasks.get(id)?.times.at(-1);
    if (last !== undefined && now - last >= this.#limits.stableMs) this.#tasks.delete(id);
  }

  /** The time of the next attempt. */
  nextAt(id: string): number | undefined {
    return this.#tasks.get(id)?.notBefore;
  }

  count(id: string): number {
    return this.#tasks.get(id)?.times.length ?? 0;
  }

  /** Forgets all tasks but these. */
  retain(ids: ReadonlySet<string>): void {
    for (const id of this.#tasks.keys()) if (!ids.has(id)) this.#tasks.delete(id);
  }
}
