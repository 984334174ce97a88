import { type OffsetSpan, Zone } from '../shared/zone.js';

const daySeconds = 86_400;
/** Days whose offsets are kept. */
const maxDays = 64;

/** The clock and calendar of a zone at an instant. */
export interface LocalTime {
  /** Seconds that the clock shows since its midnight; on the days of clock changes not those that have passed. */
  readonly secondOfDay: number;
  /** From 1, Monday, to 7, Sunday. */
  readonly dayOfWeek: number;
  /** From 1. */
  readonly dayOfYear: number;
  /** From 1 to 12. */
  readonly month: number;
}

/** The parts of the local time that a model may take as features, in the zone of the use. */
export const timeFeatures: Readonly<Record<string, (time: LocalTime) => number>> = {
  hourSin: ({ secondOfDay }) => Math.sin((2 * Math.PI * secondOfDay) / daySeconds),
  hourCos: ({ secondOfDay }) => Math.cos((2 * Math.PI * secondOfDay) / daySeconds),
  hourOfDay: ({ secondOfDay }) => Math.floor(secondOfDay / 3600),
  minuteOfDay: ({ secondOfDay }) => Math.floor(secondOfDay / 60),
  dayOfWeek: ({ dayOfWeek }) => dayOfWeek,
  isWeekend: ({ dayOfWeek }) => (dayOfWeek >= 6 ? 1 : 0),
  month: ({ month }) => month,
  dayOfYear: ({ dayOfYear }) => dayOfYear,
  yearSin: ({ dayOfYear }) => Math.sin((2 * Math.PI * (dayOfYear - 1)) / 365.25),
  yearCos: ({ dayOfYear }) => Math.cos((2 * Math.PI * (dayOfYear - 1)) / 365.25),
};

/** Computes local times of a zone; the offsets of recently used days are kept, as looking one up takes microseconds. */
export class LocalClock {
  readonly #zone: Zone;
  readonly #spans = new Map<number, readonly OffsetSpan[]>();
  #second: number | undefined;
  #time: LocalTime | undefined;

  /** `zone` must be valid, see `zoneProblem`. */
  constructor(zone: string) {
    this.#zone = new Zone(zone);
  }

  /** The local time at a second since the epoch. */
  at(second: number): LocalTime {
    if (this.#time === undefined || this.#second !== second) {
      this.#second = second;
      this.#time = this.#timeAt(second);
    }
    return this.#time;
  }

  #timeAt(second: number): LocalTime {
    const local = second + this.#offsetAt(second);
    const day = Math.floor(local / daySeconds);
    const date = new Date(day * daySeconds * 1000);
    const year = date.getUTCFullYear();
    return {
      secondOfDay: local - day * daySeconds,
      dayOfWeek: ((((day + 3) % 7) + 7) % 7) + 1, // the epoch was a Thursday
      dayOfYear: day - Math.floor(Date.UTC(year) / (daySeconds * 1000)) + 1,
      month: date.getUTCMonth() + 1,
    };
  }

  #offsetAt(second: number): number {
    const day = Math.floor(second / daySeconds);
    let spans = this.#spans.get(day);
    if (!spans) {
      if (this.#spans.size >= maxDays) this.#spans.clear();
      spans = this.#zone.spans(day * daySeconds, (day + 1) * daySeconds);
      this.#spans.set(day, spans);
    }
    return spans.find(({ end }) => second < end)!.offset; // the spans cover the day
  }
}
