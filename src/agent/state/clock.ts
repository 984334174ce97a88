/**
 * The time by which groups grow old: that of the newest point of any of them.
 *
 * A point that is further ahead than a group may be silent counts only once one of another group is as far: one source
 * whose clock is wrong must not make all the others old, and keep itself young for ever.
 */
export class GroupClock {
  readonly #ttl: bigint;
  /** The newest time that counted; undefined before there is one. */
  now: bigint | undefined;
  #first: bigint | undefined;
  /** The group of a point that is too far ahead to count by itself. */
  #ahead: { readonly group: number; readonly time: bigint } | undefined;

  constructor(ttl: bigint) {
    this.#ttl = ttl;
  }

  /** Notes a point. Returns the group, if there is one, whose point before this one counts only now. */
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

  /** Whether a group is too old that was used last when the clock said so; if that is not known, it was at the start. */
  isOver(lastUse: bigint | undefined): boolean {
    if (this.now === undefined) return false;
    return (lastUse ?? this.#first!) + this.#ttl < this.now; // whoever has a `now` has a first
  }

  clear(): void {
    this.now = this.#first = this.#ahead = undefined;
  }

  /** A group was forgotten; its number may become another's. */
  forget(group: number): void {
    if (this.#ahead?.group === group) this.#ahead = undefined;
  }
}
