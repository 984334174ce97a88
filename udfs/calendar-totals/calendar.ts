import { Zone } from '../shared/zone.js';

/** A period of the calendar, in seconds since the epoch; its end is exclusive. */
export interface Bounds {
  readonly start: number;
  readonly end: number;
}

const dayUnits = ['day', 'week', 'month', 'quarter', 'year'] as const;
type DayUnit = (typeof dayUnits)[number];

/** Weeks begin on one of these, by default on the first: ISO 8601. */
export const weekdays = [
  'monday',
  'tuesday',
  'wednesday',
  'thursday',
  'friday',
  'saturday',
  'sunday',
] as const;

/** What `.by()` takes. */
export const periodNames: readonly string[] = ['hour', ...dayUnits];

/** A length of period: this many days or months of the calendar, or this many seconds within an hour. */
export type PeriodKind =
  | { readonly unit: DayUnit; readonly minSeconds: number }
  | { readonly unit: 'clock'; readonly seconds: number; readonly minSeconds: number };

const hour = 3600;
const day = 86_400;
/** Of days whose clock is put forward by an hour; months of 28 days. */
const minSeconds: Readonly<Record<DayUnit, number>> = {
  day: 23 * hour,
  week: 7 * day - hour,
  month: 28 * day - hour,
  quarter: 90 * day - hour,
  year: 365 * day - hour,
};

/** Parses `month` or `15m`; `undefined` if it is no period. */
export function periodKind(by: string): PeriodKind | undefined {
  const unit = dayUnits.find((name) => name === by);
  if (unit !== undefined) return { unit, minSeconds: minSeconds[unit] };
  if (by === 'hour') return { unit: 'clock', seconds: hour, minSeconds: hour };
  const minutes = Number(/^([1-9]\d?)m$/.exec(by)?.[1]);
  if (!(60 % minutes === 0)) return undefined;
  return { unit: 'clock', seconds: 60 * minutes, minSeconds: 60 * minutes };
}

export interface Calendar {
  /** The period that an instant is in. */
  periodAt(second: number): Bounds;
}

/** Days of boundaries that are kept. */
const maxCachedDays = 400;

/**
 * The periods of one kind in a time zone. Each is computed once: points of the same or of a recent day cost a look-up.
 *
 * A day begins at the first instant at which the local clock shows its date: at 01:00 where midnight is skipped. Hours and
 * shorter periods begin where the local clock shows a multiple of them, and wherever the clock is changed.
 */
export function createCalendar(by: string, zoneName: string, weekStart: (typeof weekdays)[number]): Calendar {
  const kind = periodKind(by)!; // checked with the options
  const zone = new Zone(zoneName);
  const periodsOfDay =
    kind.unit === 'clock' ? clockPeriods(zone, kind.seconds) : datePeriods(zone, kind.unit, weekStart);
  const cache = new Map<number, readonly Bounds[]>();
  let last: Bounds = { start: 0, end: 0 };
  return {
    periodAt(second) {
      if (second >= last.start && second < last.end) return last;
      const number = Math.floor(second / day);
      let periods = cache.get(number);
      if (periods === undefined) {
        if (cache.size === maxCachedDays) cache.clear();
        periods = periodsOfDay(number);
        cache.set(number, periods);
      }
      let low = 0;
      let high = periods.length - 1;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (periods[middle]!.start <= second) low = middle;
        else high = middle - 1;
      }
      return (last = periods[low]!);
    },
  };
}

/** Returns the periods that a day of UTC, by its number since the epoch, has a part of. */
type PeriodsOfDay = (number: number) => Bounds[];

function clockPeriods(zone: Zone, seconds: number): PeriodsOfDay {
  return (number) => {
    const from = number * day;
    const to = from + day;
    // An hour more on each side, so that the first and the last period are whole.
    const spans = zone.spans(from - hour, to + hour);
    const starts: number[] = [];
    for (const [index, { start, end, offset }] of spans.entries()) {
      if (index > 0) starts.push(start);
      const first = Math.ceil((start + offset) / seconds) * seconds - offset;
      for (let at = first; at < end; at += seconds) if (at !== starts.at(-1)) starts.push(at);
    }
    starts.push(to + hour); // a multiple is within the hour before, so this one is never used as a start
    return starts
      .slice(0, -1)
      .map((start, index) => ({ start, end: starts[index + 1]! }))
      .filter(({ start, end }) => end > from && start < to);
  };
}

function datePeriods(zone: Zone, unit: DayUnit, weekStart: (typeof weekdays)[number]): PeriodsOfDay {
  const firstDayOf = (date: number): number => firstDay(unit, date, weekdays.indexOf(weekStart));
  const instants = new Map<number, number>();
  const instantOf = (date: number): number => {
    let instant = instants.get(date);
    if (instant === undefined) {
      if (instants.size === maxCachedDays) instants.clear();
      instant = zone.firstInstantOf(date * day);
      instants.set(date, instant);
    }
    return instant;
  };
  return (number) => {
    const from = number * day;
    const periods: Bounds[] = [];
    let date = firstDayOf(Math.floor((from + zone.offsetAt(from)) / day));
    for (let start = instantOf(date); start < from + day;) {
      date = nextFirstDay(unit, date);
      const end = instantOf(date);
      // A date that the zone skips, when it crosses the date line, is empty. Before `from` are those that a clock put back
      // over midnight shows again: their successor has begun.
      if (end > start && end > from) periods.push({ start, end });
      start = end;
    }
    return periods;
  };
}

/** The first day of the period that a local date is in; dates are days since 1970-01-01. */
function firstDay(unit: DayUnit, date: number, weekStart: number): number {
  if (unit === 'day') return date;
  if (unit === 'week') return date - ((((date + 3 - weekStart) % 7) + 7) % 7); // 1970-01-01 was a Thursday
  const local = new Date(date * day * 1000);
  const month = local.getUTCMonth();
  const first = unit === 'month' ? month : unit === 'quarter' ? month - (month % 3) : 0;
  return Date.UTC(local.getUTCFullYear(), first, 1) / 1000 / day;
}

function nextFirstDay(unit: DayUnit, first: number): number {
  if (unit === 'day') return first + 1;
  if (unit === 'week') return first + 7;
  const local = new Date(first * day * 1000);
  const months = unit === 'month' ? 1 : unit === 'quarter' ? 3 : 12;
  return Date.UTC(local.getUTCFullYear(), local.getUTCMonth() + months, 1) / 1000 / day;
}
