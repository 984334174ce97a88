import { IANAZone } from 'luxon';
import { UdfError } from '../model/errors.js';
import { counted } from '../model/text.js';

const minuteMs = 60_000;
const halfDayMs = 12 * 60 * minuteMs;
/** All changes of a zone's clock happen at a quarter of an hour. */
const quarterMs = 15 * minuteMs;

/**
 * Converts the local times of a zone, in the order of a file. Where the clock is changed:
 * - an ambiguous time is the first of the two, or the second if the first is before the last time read;
 * - a skipped time has the offset before the change: 02:30 becomes 03:30 in summer time.
 */
export class LocalTimes {
  readonly #zone: IANAZone;
  #ambiguous = 0;
  #skipped = 0;
  /** Looking up an offset is slow, and neighbours in a file mostly share it. */
  #quarter = NaN;
  #offsets: Offsets = { first: 0 };
  #last = -Infinity;

  /** Throws `usage` if there is no such zone. */
  constructor(zone: string) {
    if (!IANAZone.isValidZone(zone)) {
      throw new UdfError('usage', `the time zone ${zone} is unknown; use an IANA name such as Europe/Berlin`);
    }
    this.#zone = IANAZone.create(zone);
  }

  /** Milliseconds since the epoch of a local time that is given as if it were UTC. */
  toUtc(localMs: number): number {
    const quarter = Math.floor(localMs / quarterMs);
    if (quarter !== this.#quarter) {
      this.#quarter = quarter;
      this.#offsets = this.#offsetsAt(localMs);
    }
    const { first, second, isSkipped } = this.#offsets;
    let utc = localMs - first * minuteMs;
    if (second !== undefined) {
      this.#ambiguous++;
      if (utc < this.#last) utc = localMs - second * minuteMs;
    } else if (isSkipped) this.#skipped++;
    this.#last = utc;
    return utc;
  }

  /** Warnings for the user about ambiguous and skipped times. */
  get warnings(): string[] {
    const zone = this.#zone.name;
    return [
      ...(this.#ambiguous === 0
        ? []
        : [
            `${counted(this.#ambiguous, 'time')} in an hour that ${zone} has twice, when the clock is put back: the first ` +
              'of the two was taken unless it is before the time above it, then the second',
          ]),
      ...(this.#skipped === 0
        ? []
        : [
            `${counted(this.#skipped, 'time')} in an hour that ${zone} skips, when the clock is put forward: taken as an ` +
              'hour later',
          ]),
    ];
  }

  #offsetsAt(localMs: number): Offsets {
    const before = this.#zone.offset(localMs - halfDayMs - this.#zone.offset(localMs) * minuteMs);
    const after = this.#zone.offset(localMs + halfDayMs - this.#zone.offset(localMs) * minuteMs);
    if (before === after) return { first: before };
    const isValid = (offset: number): boolean => this.#zone.offset(localMs - offset * minuteMs) === offset;
    const valid = [before, after].filter(isValid);
    if (valid.length === 0) return { first: before, isSkipped: true };
    return { first: valid[0]!, ...(valid[1] !== undefined && { second: valid[1] }) };
  }
}

/** In minutes. */
interface Offsets {
  readonly first: number;
  readonly second?: number;
  readonly isSkipped?: boolean;
}
