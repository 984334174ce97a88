import { type Bounds, boundsFor, rankErrors } from './intervals.js';
import type { Fold, Method } from './method.js';
import { regression } from './regression.js';
import { seasonalNaive } from './seasonal-naive.js';
import type { Series } from './series.js';
import { smoothing } from './smoothing.js';

const methods: readonly Method[] = [seasonalNaive, smoothing, regression];

/** What `.method()` takes. */
export const methodNames = ['seasonalNaive', 'smoothing', 'regression'] as const;

export interface Forecast {
  readonly value: number;
  /** `blend` is a weighted mean of smoothing and regression. */
  readonly method: (typeof methodNames)[number] | 'blend';
  /** Mean absolute error of the method in the back-test; `undefined` if nothing could be tested. */
  readonly error: number | undefined;
  /** `undefined` if the back-test is too short for them. */
  readonly bounds80: Bounds | undefined;
  readonly bounds95: Bounds | undefined;
}

/** Parts of the back-test, each with models of what was before it. */
const tests = 4;
/** The share of the origins, after two weeks, that models are trained on before the first test. */
const trained = 0.4;
/** Shares of the regression in a blend. */
const shares = [0.25, 0.5, 0.75];
/** A single method must be better by this share than the blend, which is rarely far off. */
const minGain = 0.02;

interface Candidate {
  readonly method: Forecast['method'];
  readonly value: number;
  readonly errors: Float64Array;
}

/**
 * Forecasts the value that comes `horizon` intervals after the last one of a series, by the method that was best in a
 * back-test. Yields about each millisecond. Returns `undefined` if the history is too short for every method allowed.
 */
export function* forecastAhead(
  series: Series,
  horizon: number,
  allowed: readonly string[],
): Generator<void, Forecast | undefined> {
  const origins = series.values.length - horizon;
  if (origins < 1) return undefined;
  const folds = foldsOf(origins, series.perDay);
  const candidates: Candidate[] = [];
  for (const method of methods) {
    if (!allowed.includes(method.name)) continue;
    const errors = new Float64Array(origins).fill(NaN);
    const value = yield* method.forecast(series, { horizon, folds, errors });
    if (value === undefined || !Number.isFinite(value)) continue;
    candidates.push({ method: method.name as Candidate['method'], value, errors });
    yield;
  }
  return choose(candidates, horizon);
}

function foldsOf(origins: number, perDay: number): Fold[] {
  const warmUp = Math.min(14 * perDay, Math.floor(origins / 2));
  const first = Math.floor(warmUp + trained * (origins - warmUp));
  const cut = (part: number): number => first + Math.floor(((origins - first) * part) / tests);
  const folds = [{ start: 0, end: first }];
  for (let part = 0; part < tests; part++) folds.push({ start: cut(part), end: cut(part + 1) });
  return folds;
}

function choose(given: readonly Candidate[], horizon: number): Forecast | undefined {
  const counts = given.map(({ errors }) => countOf(errors));
  const most = Math.max(...counts);
  // One that could be tested on few origins only is not comparable.
  const candidates = given.filter((_, index) => counts[index]! >= most / 2);
  const common = commonOrigins(candidates);
  const tested = (candidate: Candidate): Tested => {
    const errors = new Float64Array(common.length);
    let total = 0;
    for (let index = 0; index < errors.length; index++) {
      const error = (errors[index] = candidate.errors[common[index]!]!);
      total += Math.abs(error);
    }
    return { ...candidate, errors, mean: total / errors.length };
  };
  const singles = candidates.map(tested);
  const blend = bestOf(blendsOf(candidates).map(tested));
  let best = bestOf(singles);
  if (best === undefined) return undefined;
  if (blend !== undefined && !(best.mean < (1 - minGain) * blend.mean)) best = blend;
  const { value, method, errors, mean } = best;
  const ranked = rankErrors(errors);
  return {
    value,
    method,
    error: errors.length === 0 ? undefined : mean,
    bounds80: boundsFor(0.8, ranked, horizon),
    bounds95: boundsFor(0.95, ranked, horizon),
  };
}

function countOf(errors: Float64Array): number {
  let count = 0;
  for (const error of errors) if (!Number.isNaN(error)) count++;
  return count;
}

/** The origins from which all candidates were tested. */
function commonOrigins(candidates: readonly Candidate[]): number[] {
  const common: number[] = [];
  for (let origin = 0; origin < (candidates[0]?.errors.length ?? 0); origin++) {
    if (candidates.every(({ errors }) => !Number.isNaN(errors[origin]))) common.push(origin);
  }
  return common;
}

interface Tested extends Candidate {
  readonly mean: number;
}

/** The first of those with the least error; the first one of all if nothing could be tested. */
function bestOf(candidates: readonly Tested[]): Tested | undefined {
  let best = candidates[0];
  for (const candidate of candidates) if (candidate.mean < best!.mean) best = candidate;
  return best;
}

function blendsOf(candidates: readonly Candidate[]): Candidate[] {
  const [smooth, linear] = ['smoothing', 'regression'].map((name) =>
    candidates.find(({ method }) => method === name),
  );
  if (smooth === undefined || linear === undefined) return [];
  return shares.map((share) => {
    const errors = new Float64Array(smooth.errors.length);
    for (let origin = 0; origin < errors.length; origin++) {
      errors[origin] = share * linear.errors[origin]! + (1 - share) * smooth.errors[origin]!;
    }
    return { method: 'blend', value: share * linear.value + (1 - share) * smooth.value, errors };
  });
}
