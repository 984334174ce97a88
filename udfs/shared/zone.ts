import { IANAZone } from 'luxon';

/** A stretch of time with one offset from UTC. In seconds. */
export interface OffsetSpan {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  readonly offset: number;
}

/** No zone has two changes of its clock within this many seconds. */
const maxStep = 6 * 3600;
/** Larger than any offset from UTC. */
const maxOffset = 18 * 3600;

/** The local time of an IANA zone. Looking up an offset takes microseconds: for periods, not for points. */
export class Zone {
  readonly #zone: IANAZone;

  /** `name` must be valid, see `zoneProblem`. */
  constructor(name: string) {
    this.#zone = IANAZone.create(name);
  }

  /** Seconds that the zone's clock is ahead of UTC. */
  offsetAt(second: number): number {
    return Math.round(this.#zone.offset(second * 1000) * 60);
  }

  /** The spans that cover `[from, to)`, cut off at its ends. */
  spans(from: number, to: number): OffsetSpan[] {
    const found: OffsetSpan[] = [];
    let start = from;
    let offset = this.offsetAt(from);
    for (let known = from; known < to;) {
      const next = Math.min(known + maxStep, to);
      const nextOffset = this.offsetAt(next);
      if (nextOffset !== offset) {
        const end = this.#changeBetween(known, next, offset);
        if (end < to) {
          found.push({ start, end, offset });
          start = end;
          offset = nextOffset;
        }
      }
      known = next;
    }
    found.push({ start, end: to, offset });
    return found;
  }

  /** The first instant at which the zone's clock shows `local`, or a later time if it skips that. */
  firstInstantOf(local: number): number {
    for (const { start, end, offset } of this.spans(local - maxOffset, local + maxOffset)) {
      const instant = Math.max(start, local - offset);
      if (instant < end) return instant;
    }
    return local + maxOffset; // a change by more than a day
  }

  /** The first second after `known` whose offset is another one; `next` has another one. */
  #changeBetween(known: number, next: number, offset: number): number {
    let before = known;
    let after = next;
    while (after - before > 1) {
      const middle = Math.floor((before + after) / 2);
      if (this.offsetAt(middle) === offset) before = middle;
      else after = middle;
    }
    return after;
  }
}
