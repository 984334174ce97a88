/** The bounds between which a value will lie with a certain probability, relative to its forecast. */
export interface Bounds {
  readonly lower: number;
  readonly upper: number;
}

/** Fewer errors than this have no quantile of 2.5 %. */
const minErrors = 40;
/** The parts that errors are divided into, to see how well the quantiles of the earlier ones hold in the next one. */
const parts = 4;

/**
 * The bounds for a probability, from the errors of a back-test in order of time; `undefined` if they are too few.
 *
 * They are the empirical quantiles, moved apart where these are too optimistic: errors of neighbouring origins overlap, so
 * that they tell less than their number suggests, and the quantiles of the past do not hold as such in the future. How far
 * they held in the back-test is seen by forecasting each part of the errors from those before it.
 */
export function boundsFor(probability: number, errors: Float64Array, horizon: number): Bounds | undefined {
  const count = errors.length;
  if (count < minErrors) return undefined;
  const { middle, half } = centralInterval(errors.toSorted(), probability);
  // The quantile of Student's distribution relative to the normal one, and the error of the mean, to the first order.
  const independent = Math.max(3, count / horizon);
  const small = 1 + (normalQuantile[probability]! ** 2 + 3) / (4 * independent);
  const held = (1 + Math.max(1, stretchOf(errors, probability))) / 2;
  const reach = half * small * held;
  return { lower: middle - reach, upper: middle + reach };
}

/** Of the probabilities that are asked for, two-sided. */
const normalQuantile: Readonly<Record<number, number>> = { 0.8: 1.2816, 0.95: 1.96 };

/** The factor by which intervals from earlier parts would have had to be longer, to hold in the parts after them. */
function stretchOf(errors: Float64Array, probability: number): number {
  const cut = (part: number): number => Math.floor((errors.length * part) / parts);
  const ratios: number[] = [];
  for (let part = 1; part < parts; part++) {
    const { middle, half } = centralInterval(errors.slice(0, cut(part)).sort(), probability);
    if (half === 0) continue;
    for (const error of errors.subarray(cut(part), cut(part + 1))) {
      ratios.push(Math.abs(error - middle) / half);
    }
  }
  return ratios.length === 0 ? 1 : quantile(Float64Array.from(ratios).sort(), probability);
}

function centralInterval(sorted: Float64Array, probability: number): { middle: number; half: number } {
  const tail = (1 - probability) / 2;
  const low = quantile(sorted, tail);
  const high = quantile(sorted, 1 - tail);
  return { middle: (low + high) / 2, half: (high - low) / 2 };
}

/** The quantile of sorted numbers whose expected probability is right: at p · (n + 1), between neighbours. */
export function quantile(sorted: Float64Array, probability: number): number {
  const rank = Math.min(Math.max(probability * (sorted.length + 1) - 1, 0), sorted.length - 1);
  const below = sorted[Math.floor(rank)]!;
  return below + (sorted[Math.ceil(rank)]! - below) * (rank - Math.floor(rank));
}
