import { type OffsetSpan, Zone } from '../zone.js';

/** Computed ahead on each side of what is asked for, so that the next request costs a look-up. */
const margin = 60 * 86_400;
/** 1970-01-05 was a Monday. */
const mondaySeconds = 4 * 86_400;

/** Numbers the intervals of local time. */
export class LocalClock {
  readonly #zone: Zone;
  readonly #interval: number;
  #spans: readonly OffsetSpan[] = [];

  /** `interval` in seconds; a day must be a multiple of it. */
  constructor(zone: string, interval: number) {
    this.#zone = new Zone(zone);
    this.#interval = interval;
  }

  /**
   * Writes the numbers of intervals from `first` on, which count from 1970 in UTC, as numbers since Monday 1970-01-05 00:00 of local
   * time. They go on by 1, except that a clock put forward skips some and a clock put back repeats some.
   */
  number(first: number, numbers: Int32Array): void {
    const interval = this.#interval;
    const end = (first + numbers.length) * interval;
    const spans = this.#spansOf(first * interval, end);
    let index = 0;
    for (let at = 0; at < numbers.length; at++) {
      const second = (first + at) * interval;
      while (second >= spans[index]!.end) index++;
      numbers[at] = Math.floor((second + spans[index]!.offset - mondaySeconds) / interval);
    }
  }

  #spansOf(from: number, to: number): readonly OffsetSpan[] {
    const isKnown = this.#spans.length > 0 && this.#spans[0]!.start <= from && this.#spans.at(-1)!.end >= to;
    if (!isKnown) this.#spans = this.#zone.spans(from - margin, to + margin);
    return this.#spans;
  }
}
