/** Late points in a row, over `maxLateTime`, after which the next one sets the clock back: the defaults of `advanceClock`. */
const maxLatePoints = 10;
const maxLateTime = 600_000_000_000n;

/** A point that is further ahead than this, or than the waiting time if that is more, must be confirmed by the next one. */
const maxAdvance = maxLateTime;

/** A clock's memory of earlier points, besides its time. */
export interface ClockDoubts {
  /** The time of the last point if it is too far ahead. */
  readonly ahead: bigint | undefined;
  readonly strays: number;
  readonly latePoints: number;
  /** The time of the first late point in a row. */
  readonly lateSince: bigint;
}

/** Points too far ahead, without one near the clock in between, after which the next one is taken as confirmed. */
const maxStrays = 10;

/**
 * The newest time of a stream whose points come at most `wait` late, protected from points with a wrong time:
 *
 * - A point that is far ahead moves the clock only if the next point is not older than it by more than `wait`, which holds
 *   for every stream that keeps to `wait`. Otherwise it was a stray.
 * - The clock is set back to the last of more than 10 points in a row that are late and span 10 minutes.
 */
export class StreamClock {
  readonly #wait: bigint;
  readonly #maxAdvance: bigint;
  /** `undefined` before the first point. */
  now: bigint | undefined;
  /** The time of the last point if it is too far ahead. */
  #ahead: bigint | undefined;
  #strays = 0;
  #latePoints = 0;
  /** The time of the first late point in a row. */
  #lateSince = 0n;

  constructor(wait: bigint) {
    this.#wait = wait;
    this.#maxAdvance = wait > maxAdvance ? wait : maxAdvance;
  }

  /** Whether the last point is far ahead, and not confirmed yet. */
  get isAhead(): boolean {
    return this.#ahead !== undefined;
  }

  /** `undefined` if the last point was neither late nor far ahead. */
  get doubts(): ClockDoubts | undefined {
    if (this.#ahead === undefined && this.#strays === 0 && this.#latePoints === 0) return undefined;
    return {
      ahead: this.#ahead,
      strays: this.#strays,
      latePoints: this.#latePoints,
      lateSince: this.#lateSince,
    };
  }

  restore(now: bigint, { ahead, strays, latePoints, lateSince }: ClockDoubts = noDoubts): void {
    this.now = now;
    this.#ahead = ahead;
    this.#strays = strays;
    this.#latePoints = latePoints;
    this.#lateSince = lateSince;
  }

  /** Records a point. If the point before was far ahead, returns whether this one confirms it or shows it to be a stray. */
  note(time: bigint): 'confirmed' | 'stray' | undefined {
    const { now } = this;
    if (now === undefined) {
      this.now = time;
      return undefined;
    }
    const ahead = this.#ahead;
    this.#ahead = undefined;
    if (ahead !== undefined && (time >= ahead - this.#wait || ++this.#strays > maxStrays)) {
      this.#moveTo(ahead > time ? ahead : time);
      return 'confirmed';
    }
    if (time > now + this.#maxAdvance) this.#ahead = time;
    else if (time > now) this.#moveTo(time);
    else if (time > now - this.#wait) this.#moveTo(now);
    else this.#noteLate(time, now);
    return ahead === undefined ? undefined : 'stray';
  }

  #moveTo(time: bigint): void {
    this.now = time;
    this.#latePoints = this.#strays = 0;
  }

  #noteLate(time: bigint, now: bigint): void {
    // Without a waiting time, a point of the same time is not late.
    if (time === now) this.#moveTo(now);
    else if (this.#latePoints++ === 0) this.#lateSince = time;
    else if (this.#latePoints > maxLatePoints && time - this.#lateSince >= maxLateTime) this.#moveTo(time);
  }
}

const noDoubts: ClockDoubts = { ahead: undefined, strays: 0, latePoints: 0, lateSince: 0n };
