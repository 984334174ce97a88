/** The time of day, as timers wait for it. */
export interface WallClock {
  /** Nanoseconds since the epoch. */
  now(this: void): bigint;
  /** Asks for a call of the clock's `wake` at a time, instead of any time that was asked for before. */
  wakeAt(time: bigint | undefined): void;
  /** Whether timers wait for a moment without input. */
  wantsIdle: boolean;
}

/** Max time to the next look at the system's clock, which may be set meanwhile. */
const maxWaitMs = 30_000;

const nanosPerMs = 1_000_000n;

/** The system's clock. */
export class SystemClock implements WallClock {
  wantsIdle = false;
  readonly #wake: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(wake: () => void) {
    this.#wake = wake;
  }

  readonly now = (): bigint => BigInt(Date.now()) * nanosPerMs;

  wakeAt(time: bigint | undefined): void {
    clearTimeout(this.#timer);
    if (time === undefined) return;
    // Rounded up, as it would otherwise wake too early.
    const waitMs = Number((time - this.now() + nanosPerMs - 1n) / nanosPerMs);
    this.#timer = setTimeout(this.#wake, Math.min(Math.max(waitMs, 0), maxWaitMs));
    this.#timer.unref(); // what it waits for needs the connection, which keeps the process alive
  }
}

/**
 * A clock that moves only when it is moved: in tests, in replays, and in isolated workers, whose input is repeated after a
 * fault with the times at which it came.
 */
export class DrivenClock implements WallClock {
  /** Whether it moves with the times of points and batches, as in a replay of what was recorded when it happened. */
  readonly followsInput: boolean;
  /** The time at which a timer is due; there may be none any more. */
  next: bigint | undefined;
  wantsIdle = false;
  #now: bigint;

  constructor(now: bigint, followsInput = false) {
    this.#now = now;
    this.followsInput = followsInput;
  }

  readonly now = (): bigint => this.#now;

  /** Moves the clock, never back. */
  moveTo(time: bigint): void {
    if (time > this.#now) this.#now = time;
  }

  wakeAt(time: bigint | undefined): void {
    this.next = time;
  }
}
