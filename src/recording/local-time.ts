import { IANAZone } from 'luxon';
import { UdfError } from '../model/errors.js';
import { counted } from '../model/text.js';
import type { Tags } from '../model/values.js';

const minuteMs = 60_000;
const halfDayMs = 12 * 60 * minuteMs;
const dayMs = 2 * halfDayMs;
/** All changes of a zone's clock happen at a quarter of an hour. */
const quarterMs = 15 * minuteMs;

/** An hour that a zone has twice, while its times are read. */
interface Fold {
  /** Whether the file reached it from later times. */
  readonly isDescending: boolean;
  /** The last time of each series in it, in UTC. */
  readonly last: Map<string, number>;
}

/**
 * Converts the local times of a zone, in the order of a file, oldest or newest first. An ambiguous time, where the clock is put
 * back, is the one of the two that continues this order: in a file with the oldest first, the first of the two, or the second if
 * the first is before the last time read, or if the series already has the first.
 */
export class LocalTimes {
  readonly #zone: IANAZone;
  #ambiguous = 0;
  /** Looking up an offset is slow: cached for a local day without a change of the clock nearby, else for a quarter of an hour. */
  #day = NaN;
  #dayOffsets: Offsets | undefined;
  #quarter = NaN;
  #quarterOffsets: Offsets = { first: 0 };
  #last: number | undefined;
  #fold: Fold | undefined;

  /** Throws `usage` if there is no such zone. */
  constructor(zone: string) {
    if (!IANAZone.isValidZone(zone)) {
      throw new UdfError('usage', `the time zone ${zone} is unknown; use an IANA name such as Europe/Berlin`);
    }
    this.#zone = IANAZone.create(zone);
  }

  /** The IANA name. */
  get zone(): string {
    return this.#zone.name;
  }

  /**
   * Milliseconds since the epoch of a local time that is given as if it were UTC; `undefined` if the zone skips it, where the clock
   * is put forward. `seriesOf` identifies the point's series; without it, equal times are not told apart.
   */
  toUtc(localMs: number, seriesOf?: () => string): number | undefined {
    const { first, second, isSkipped } = this.#offsetsOf(localMs);
    if (isSkipped) return undefined;
    let utc = localMs - first * minuteMs;
    if (second === undefined) this.#fold = undefined;
    else utc = this.#unfold(utc, localMs - second * minuteMs, seriesOf?.());
    this.#last = utc;
    return utc;
  }

  /** Warnings for the user about ambiguous times. */
  get warnings(): string[] {
    if (this.#ambiguous === 0) return [];
    return [
      `${counted(this.#ambiguous, 'time')} in an hour that ${this.zone} has twice, when the clock is put back: read by the order of ` +
        'the file',
    ];
  }

  /** Chooses between the two meanings of an ambiguous time. */
  #unfold(first: number, second: number, series: string | undefined): number {
    this.#ambiguous++;
    const before = this.#last;
    this.#fold ??= { isDescending: before !== undefined && before >= second, last: new Map() };
    const { isDescending, last } = this.#fold;
    const known = series === undefined ? undefined : last.get(series);
    const previous = known ?? before;
    let utc: number;
    if (previous === undefined) utc = first;
    else if (known === first || known === second) utc = isDescending ? first : second;
    else if (previous <= first) utc = first;
    else utc = isDescending && previous < second ? first : second;
    if (series !== undefined) last.set(series, utc);
    return utc;
  }

  #offsetsOf(localMs: number): Offsets {
    const day = Math.floor(localMs / dayMs);
    if (day !== this.#day) {
      this.#day = day;
      // Offsets are below a day: these cover all that a local time of the day may mean.
      const [first, ...others] = [-1, 0, 1, 2].map((days) => this.#zone.offset((day + days) * dayMs));
      this.#dayOffsets = others.every((offset) => offset === first) ? { first: first! } : undefined;
    }
    if (this.#dayOffsets) return this.#dayOffsets;
    const quarter = Math.floor(localMs / quarterMs);
    if (quarter !== this.#quarter) {
      this.#quarter = quarter;
      this.#quarterOffsets = this.#offsetsAt(localMs);
    }
    return this.#quarterOffsets;
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

/** Identifies the series of a point's fields, for times that come twice. */
export function seriesKey(name: string, tags: Tags, fields: object): string {
  return JSON.stringify([name, Object.entries(tags).sort(), Object.keys(fields).sort()]);
}
