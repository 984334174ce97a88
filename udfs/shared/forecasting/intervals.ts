/** The bounds between which a value will lie with a certain probability, relative to its forecast. */
export interface Bounds {
  readonly lower: number;
  readonly upper: number;
}

/** Fewer errors than this have no quantile of 2.5 %. */
const minErrors = 40;
/** After this share of the errors of a back-test, going back in time, the weight of an error is half as large. */
const halfLife = 1 / 2;

/** Errors of a back-test by size, for quantiles. Recent ones have more weight: those to come are most like them. */
export interface RankedErrors {
  readonly sorted: Float64Array;
  /** Of each of the sorted errors. That of the newest one is 1. */
  readonly weights: Float64Array;
}

/** Ranks the errors of a back-test, which are in order of time. */
export function rankErrors(errors: Float64Array): RankedErrors {
  const count = errors.length;
  const order = Uint32Array.from(errors.keys()).sort((a, b) => errors[a]! - errors[b]!);
  const decay = 0.5 ** (1 / (halfLife * count));
  const byAge = new Float64Array(count);
  let weight = 1;
  for (let age = 0; age < count; age++, weight *= decay) byAge[age] = weight;
  return {
    sorted: Float64Array.from(order, (place) => errors[place]!),
    weights: Float64Array.from(order, (place) => byAge[count - 1 - place]!),
  };
}

/**
 * The bounds for a probability, from the errors of a back-test at a horizon; `undefined` if they are too few.
 *
 * These are the weighted quantiles of split-conformal prediction without exchangeability (R. Barber et al.: "Conformal
 * prediction beyond exchangeability", 2023), moved apart for dependence: errors of origins that are less than a horizon apart
 * overlap, so that they tell no more than as many independent ones as horizons fit into the back-test.
 */
export function boundsFor(probability: number, errors: RankedErrors, horizon: number): Bounds | undefined {
  if (errors.sorted.length < minErrors) return undefined;
  const tail = (1 - probability) / 2;
  const low = quantile(errors, tail);
  const high = quantile(errors, 1 - tail);
  const independent = Math.max(minIndependent, effectiveCount(errors) / horizon);
  // The quantile of Student's distribution relative to the normal one, and the error of the mean, to the first order.
  const widening = 1 + (normalQuantile[probability]! ** 2 + 3) / (4 * independent);
  const middle = (low + high) / 2;
  const reach = ((high - low) / 2) * widening;
  // Errors that are all on one side, as behind a spike, would move both bounds to that side of the forecast.
  return { lower: Math.min(middle - reach, 0), upper: Math.max(middle + reach, 0) };
}

/** Of the probabilities that are asked for, two-sided. */
const normalQuantile: Readonly<Record<number, number>> = { 0.8: 1.2816, 0.95: 1.96 };
/** Below this the approximation of the widening does not hold. */
const minIndependent = 3;

/** How many errors of equal weight tell as much (L. Kish: "Survey sampling", 1965). */
function effectiveCount({ weights }: RankedErrors): number {
  let sum = 0;
  let squares = 0;
  for (const weight of weights) {
    sum += weight;
    squares += weight * weight;
  }
  return (sum * sum) / squares;
}

/**
 * The weighted quantile whose expected probability is right for a further error of weight 1, between neighbours; with equal
 * weights the one at rank p · (n + 1).
 */
export function quantile({ sorted, weights }: RankedErrors, probability: number): number {
  let total = 1;
  for (const weight of weights) total += weight;
  const target = probability * total;
  let before = 0; // the weight of smaller errors
  let last = -Infinity; // the place of the error before
  for (let at = 0; at < sorted.length; at++) {
    const place = before + (weights[at]! + 1) / 2;
    if (place >= target) {
      if (at === 0) return sorted[0]!;
      const share = (target - last) / (place - last);
      return sorted[at - 1]! + (sorted[at]! - sorted[at - 1]!) * share;
    }
    before += weights[at]!;
    last = place;
  }
  return sorted.at(-1)!;
}
