import { evaluate, type LinearModel, Products, ridge } from './least-squares.js';
import type { Method } from './method.js';
import type { Series } from './series.js';

/** Penalties that are tried in the back-test. */
const penalties = [1e-4, 1e-2, 1e-1];
/** Rows of training for each column, at least. */
const minRowsPerColumn = 3;
/** Rows between two yields: less than a millisecond. */
const slice = 256;
/** Sines and cosines of the day. */
const maxHarmonics = 4;

/**
 * Direct regression, one model a horizon, by ridge least squares: how far the value will be from that of the week before,
 * from how far recent values are from theirs, from last week's change over the horizon, and from the time of day and week.
 */
export const regression: Method = {
  name: 'regression',
  *forecast(series, { horizon, folds, errors }) {
    const rows = new Rows(series, horizon);
    const { columns } = rows;
    const minRows = minRowsPerColumn * columns;
    const known = new Products(columns); // of all folds before the current one
    const tries = penalties.map((penalty): Try => ({ penalty, total: 0, errors: errors.slice() }));
    for (const [index, { start, end }] of folds.entries()) {
      if (index > 0 && known.count >= minRows) {
        for (const attempt of tries) attempt.model = ridge(known, attempt.penalty);
      }
      yield;
      const products = new Products(columns);
      for (let from = Math.max(start, rows.firstOrigin); from < end; from += slice) {
        readRows(rows, [from, Math.min(from + slice, end)], { known, products, tries });
        yield;
      }
      known.addAll(products);
    }
    if (known.count < minRows) return undefined;
    const best = tries.reduce((least, attempt) => (attempt.total < least.total ? attempt : least));
    errors.set(best.errors);
    rows.read(series.values.length - 1);
    known.clampInto(rows.clamped, rows.row);
    return rows.base + evaluate(ridge(known, best.penalty), rows.clamped);
  },
};

interface Try {
  readonly penalty: number;
  /** Of the rows before the current fold; none while they are too few. */
  model?: LinearModel;
  readonly errors: Float64Array;
  total: number;
}

/** Adds the rows of origins to the products, and tests the models, which were made of the known ones, on them. */
function readRows(
  rows: Rows,
  [from, until]: readonly [number, number],
  { known, products, tries }: { known: Products; products: Products; tries: readonly Try[] },
): void {
  const { row, clamped, columns } = rows;
  const isTest = tries[0]!.model !== undefined;
  for (let origin = from; origin < until; origin++) {
    if (!rows.read(origin)) continue;
    products.add(row);
    if (!isTest) continue;
    known.clampInto(clamped, row);
    for (const attempt of tries) {
      const error = row[columns]! - evaluate(attempt.model!, clamped);
      attempt.errors[origin] = error;
      attempt.total += Math.abs(error);
    }
  }
}

/** The rows of the regression: one for each origin. */
class Rows {
  readonly columns: number;
  /** The first origin all of whose lags lie in the series. */
  readonly firstOrigin: number;
  /** What `read` has read: the columns, then the target. */
  readonly row: Float64Array;
  /** Room for the row within the range of others. */
  readonly clamped: Float64Array;
  /** What the target is relative to. */
  base = 0;
  readonly #series: Series;
  readonly #horizon: number;
  readonly #week: number;
  /** The multiple of a week, and of a day, that reaches from the target to the origin or before. */
  readonly #weeks: number;
  readonly #days: number;
  /** Sums of the deviations up to each place, for means. */
  readonly #sums: Float64Array;
  readonly #harmonics: number;
  /** Sines and cosines by interval of the day. */
  readonly #waves: Float64Array;

  constructor(series: Series, horizon: number) {
    const { filled, perDay } = series;
    const week = 7 * perDay;
    this.#series = series;
    this.#horizon = horizon;
    this.#week = week;
    this.#weeks = Math.ceil(horizon / week) * week;
    this.#days = Math.ceil(horizon / perDay) * perDay;
    this.firstOrigin = Math.max(
      2 * week + 2,
      this.#weeks + week - horizon,
      this.#days + perDay + week + 1 - horizon,
    );
    this.#sums = new Float64Array(filled.length + 1);
    for (let at = 0; at < filled.length; at++) {
      this.#sums[at + 1] = this.#sums[at]! + (at < week ? 0 : this.#deviation(at));
    }
    this.#harmonics = Math.min(maxHarmonics, Math.floor((perDay - 1) / 2));
    this.#waves = wavesOf(perDay, this.#harmonics);
    this.columns = 24 + 4 * this.#harmonics;
    this.row = new Float64Array(this.columns + 1);
    this.clamped = new Float64Array(this.columns + 1);
  }

  /** Reads the row of an origin. Returns whether its target is known. */
  read(origin: number): boolean {
    const { filled, values, first, perDay } = this.#series;
    const { row } = this;
    const target = origin + this.#horizon;
    const week = this.#week;
    const sameTime = target - this.#days;
    const base = filled[target - this.#weeks]!;
    const now = this.#deviation(origin);
    const then = this.#deviation(sameTime);
    let at = 0;
    row[at++] = now;
    row[at++] = this.#deviation(origin - 1);
    row[at++] = this.#deviation(origin - 2);
    row[at++] = this.#meanDeviation(origin, Math.max(1, Math.round(perDay / 8)));
    row[at++] = this.#meanDeviation(origin, perDay);
    row[at++] = this.#meanDeviation(origin, week);
    row[at++] = then;
    row[at++] = this.#deviation(sameTime - 1);
    row[at++] = this.#deviation(Math.min(sameTime + 1, origin));
    row[at++] = this.#deviation(sameTime - perDay);
    row[at++] = base - filled[origin - week]!;
    row[at++] = base - filled[target - this.#weeks - week]!;
    row[at++] = base - filled[sameTime]!;
    row[at++] = filled[origin]! - filled[origin - perDay]!;
    const slot = (((first + target) % week) + week) % week;
    const day = Math.floor(slot / perDay);
    for (let weekday = 1; weekday < 7; weekday++) row[at++] = day === weekday ? 1 : 0;
    const isWeekend = day >= 5;
    const waves = 2 * this.#harmonics;
    const start = (slot % perDay) * waves;
    for (let wave = 0; wave < waves; wave++) {
      const value = this.#waves[start + wave]!;
      row[at++] = value;
      row[at++] = isWeekend ? value : 0;
    }
    const [sine = 0, cosine = 0] = waves > 0 ? [this.#waves[start], this.#waves[start + 1]] : [];
    row[at++] = now * sine;
    row[at++] = now * cosine;
    row[at++] = then * sine;
    row[at++] = then * cosine;
    this.base = base;
    row[at] = (values[target] ?? NaN) - base;
    return !Number.isNaN(row[at]);
  }

  /** How far a value is from that of the week before. */
  #deviation(at: number): number {
    const { filled } = this.#series;
    return filled[at]! - filled[at - this.#week]!;
  }

  #meanDeviation(until: number, count: number): number {
    return (this.#sums[until + 1]! - this.#sums[until + 1 - count]!) / count;
  }
}

function wavesOf(perDay: number, harmonics: number): Float64Array {
  const waves = new Float64Array(2 * harmonics * perDay);
  let at = 0;
  for (let slot = 0; slot < perDay; slot++) {
    for (let harmonic = 1; harmonic <= harmonics; harmonic++) {
      const angle = (2 * Math.PI * harmonic * slot) / perDay;
      waves[at++] = Math.sin(angle);
      waves[at++] = Math.cos(angle);
    }
  }
  return waves;
}
