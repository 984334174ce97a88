/**
 * The clock that groups expire by: the time of the newest point of any group.
 *
 * A point more than the ttl ahead of the clock advances it only once a point of a second group is as far ahead: one source
 * with a wrong clock must not expire all other groups, or keep its own from expiring.
 */
export class GroupClock {
  readonly #ttl: bigint;
  /** The clock's time; undefined before the first point. */
  now: bigint | undefined;
  #first: bigint | undefined;
  /** The newest point that is too far ahead, until another group confirms it. */
  #ahead: { readonly group: number; readonly time: bigint } | undefined;

  constructor(ttl: bigint) {
    this.#ttl = ttl;
  }

  /** Records a point. Returns the group whose earlier point this one confirms, if any. */
  note(group: number, time: bigint): number | undefined {
    const ahead = this.#ahead;
    if (this.now === undefined) {
      this.#first = this.now = time;
    } else if (time <= this.now + this.#ttl) {
      this.#ahead = undefined;
      if (time > this.now) this.now = time;
    } else if (ahead === undefined || ahead.group === group) {
      this.#ahead = { group, time };
    } else {
      this.#ahead = undefined;
      this.now = ahead.time < time ? ahead.time : time;
      return ahead.group;
    }
    return undefined;
  }

  /** Whether a group last used at clock time `lastUse` has expired; if that is unknown, the first point's time is used. */
  isOver(lastUse: bigint | undefined): boolean {
    if (this.now === undefined) return false;
    return (lastUse ?? this.#first!) + this.#ttl < this.now; // set together with `now`
  }

  clear(): void {
    this.now = this.#first = this.#ahead = undefined;
  }

  /** Removes a group, whose index may be reused. */
  forget(group: number): void {
    if (this.#ahead?.group === group) this.#ahead = undefined;
  }
}
