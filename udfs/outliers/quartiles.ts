/** The first and third quartile of a batch. */
export interface Quartiles {
  readonly q1: number;
  readonly q3: number;
}

/**
 * The quartiles by the median method (Tukey's hinges, in the form of Moore and McCabe): the medians of both halves of the
 * sorted values, without the middle value of an odd number. `undefined` for fewer than two values.
 */
export function quartiles(sorted: Float64Array): Quartiles | undefined {
  const half = sorted.length >> 1;
  if (half === 0) return undefined;
  return { q1: median(sorted, 0, half), q3: median(sorted, sorted.length - half, sorted.length) };
}

/**
 * The quartiles of Kapacitor's example agents (outliers.go, outliers.py), which for an even number of values take the mean
 * of the two values behind the middle as the median, and give the lower half two values more than the upper. For a half of
 * two values, the examples read past its end and crash; here the last value counts twice. `undefined` for fewer than three
 * values.
 */
export function exampleQuartiles(sorted: Float64Array): Quartiles | undefined {
  const { length } = sorted;
  if (length < 3) return undefined;
  const middle = length >> 1;
  const lowerEnd = length % 2 === 0 ? middle + 1 : middle;
  return { q1: exampleMedian(sorted, 0, lowerEnd), q3: exampleMedian(sorted, middle + 1, length) };
}

function exampleMedian(sorted: Float64Array, start: number, end: number): number {
  const middle = (end - start) >> 1;
  const value = sorted[start + middle]!;
  if ((end - start) % 2 === 1) return value;
  return midpoint(value, sorted[Math.min(start + middle + 1, end - 1)]!);
}

/** The median of `sorted[start..end)`: its middle value, or the mean of its two middle ones. */
export function median(sorted: Float64Array, start: number, end: number): number {
  const middle = (start + end) >> 1;
  const upper = sorted[middle]!;
  return (end - start) % 2 === 1 ? upper : midpoint(sorted[middle - 1]!, upper);
}

function midpoint(a: number, b: number): number {
  const sum = a + b;
  // The sum of two very large numbers may not fit a double where their mean does.
  return Number.isFinite(sum) ? sum / 2 : a / 2 + b / 2;
}
