import type { Method } from './method.js';
import type { Series } from './series.js';

/** How fast the level and the seasons of day and week follow, and the share of an error that is left one interval later. */
interface Parameters {
  readonly level: number;
  readonly day: number;
  readonly week: number;
  readonly carry: number;
}

const starts: readonly Parameters[] = [
  { level: 0.05, day: 0.15, week: 0.2, carry: 0.8 },
  { level: 0.02, day: 0.05, week: 0.3, carry: 0.9 },
  { level: 0.3, day: 0.1, week: 0.2, carry: 0.3 },
];
/** Factors by which parameters are varied, in rounds. */
const factors = [2.5, 1.6, 1.3];
const maxRate = 0.95;

/**
 * Exponential smoothing with a daily and a weekly season and an adjustment for the last error (J. Taylor: "Short-term
 * electricity demand forecasting using double seasonal exponential smoothing", 2003), additive and without a trend. The
 * parameters are those with the least error at the horizon in the first fold, found by coordinate search.
 */
export const smoothing: Method = {
  name: 'smoothing',
  *forecast(series, { horizon, folds, errors }) {
    const week = 7 * series.perDay;
    const end = folds[0]!.end;
    if (end < week + 2 * series.perDay) return undefined;
    const seasons = seasonsOf(series, end);
    // Not those that the seasons are made of, where there are others.
    const fitted = end < 3 * week ? week : 2 * week;
    const scratch = new Float64Array(end);
    const costOf = (parameters: Parameters): number => {
      smooth(series, seasons, parameters, horizon, scratch, end);
      let total = 0;
      for (let origin = fitted; origin < end; origin++) {
        const error = scratch[origin]!;
        if (!Number.isNaN(error)) total += Math.abs(error);
      }
      return total;
    };
    let best = { parameters: starts[0]!, cost: Infinity };
    const isBetter = (parameters: Parameters): boolean => {
      const cost = costOf(parameters);
      if (!(cost < best.cost)) return false;
      best = { parameters, cost };
      return true;
    };
    for (const start of starts) {
      isBetter(start);
      yield;
    }
    for (const factor of factors) {
      for (const vary of variations) {
        const faster = isBetter(vary(best.parameters, factor));
        yield;
        if (!faster) isBetter(vary(best.parameters, 1 / factor));
        yield;
      }
    }
    const forecast = smooth(series, seasons, best.parameters, horizon, errors, series.values.length);
    errors.fill(NaN, 0, end);
    return forecast;
  },
};

const variations: readonly ((parameters: Parameters, factor: number) => Parameters)[] = [
  (given, factor) => ({ ...given, level: Math.min(maxRate, given.level * factor) }),
  (given, factor) => ({ ...given, day: Math.min(maxRate, given.day * factor) }),
  (given, factor) => ({ ...given, week: Math.min(maxRate, given.week * factor) }),
  (given, factor) => ({ ...given, carry: Math.max(0, 1 - Math.max(0.005, (1 - given.carry) * factor)) }),
];

/**
 * Smooths a series from the second week, which given seasons begin with, up to `end`. Writes the error of the forecast from each of
 * these origins that `errors` has room for; returns the forecast from the last value.
 */
function smooth(
  { values, first, perDay }: Series,
  seasons: Seasons,
  parameters: Parameters,
  horizon: number,
  errors: Float64Array,
  end: number,
): number {
  const perWeek = 7 * perDay;
  const day = seasons.day.slice();
  const week = seasons.week.slice();
  let carried = 1; // multiplied, as the last digit of a power differs between versions of V8
  for (let step = 0; step < horizon; step++) carried *= parameters.carry;
  let { level } = seasons;
  let rest = 0;
  let forecast = NaN;
  let slot = positive(first, perWeek);
  let target = (slot + horizon) % perWeek;
  let daySlot = slot % perDay;
  let targetDay = target % perDay;
  for (let at = perWeek; at < end; at++) {
    const value = values[at]!;
    rest *= parameters.carry;
    if (!Number.isNaN(value)) {
      const error = value - (level + day[daySlot]! + week[slot]!);
      const surprise = error - rest;
      level += parameters.level * surprise;
      day[daySlot]! += parameters.day * surprise;
      week[slot]! += parameters.week * surprise;
      rest = error;
    }
    forecast = level + day[targetDay]! + week[target]! + carried * rest;
    if (at < errors.length) errors[at] = values[at + horizon]! - forecast;
    if (++slot === perWeek) slot = 0;
    if (++target === perWeek) target = 0;
    if (++daySlot === perDay) daySlot = 0;
    if (++targetDay === perDay) targetDay = 0;
  }
  return forecast;
}

interface Seasons {
  readonly level: number;
  readonly day: Float64Array;
  readonly week: Float64Array;
}

/**
 * The seasons of the first two weeks, of what is before `end`, as a mean day and what each interval of the week differs from it, and
 * their level.
 *
 * Interval by interval, the second week passes over into the first one. So the season's end joins its start as the first week's end
 * joins the second week, and a steady trend leaves nothing in it. The season of a single week has a step there, as far as the level
 * went: a level that follows fast hides it instead of mending it, and as windows are mostly whole weeks, each forecast would be made
 * just before it.
 */
function seasonsOf({ filled, first, perDay }: Series, end: number): Seasons {
  const perWeek = 7 * perDay;
  const fade = Math.min(perWeek, end - perWeek);
  const shape = filled.slice(0, perWeek);
  for (let at = 0; at < fade; at++) {
    shape[at]! += (1 - (at + 0.5) / fade) * (filled[at + perWeek]! - shape[at]!);
  }
  let level = 0;
  for (const value of shape) level += value / perWeek;
  const start = positive(first, perWeek);
  const day = new Float64Array(perDay);
  const week = new Float64Array(perWeek);
  for (let at = 0; at < perWeek; at++) day[(start + at) % perDay]! += (shape[at]! - level) / 7;
  for (let at = 0; at < perWeek; at++) {
    const slot = (start + at) % perWeek;
    week[slot] = shape[at]! - level - day[slot % perDay]!;
  }
  return { level, day, week };
}

/** The remainder from 0 on, also of negative numbers. */
function positive(value: number, divisor: number): number {
  return ((value % divisor) + divisor) % divisor;
}
