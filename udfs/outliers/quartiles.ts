/** The first and third quartile of a batch. */
export interface Quartiles {
  readonly q1: number;
  readonly q3: number;
}

/**
 * The quartiles by the median method (J. W. Tukey's hinges in the form of Moore and McCabe): the median of each half
 * of the sorted values, the middle value left out of both when their number is odd. `undefined` for fewer than two
 * values, whose halves are empty.
 */
export function quartiles(sorted: Float64Array): Quartiles | undefined {
  const half = sorted.length >> 1;
  if (half === 0) return undefined;
  return { q1: median(sorted, 0, half), q3: median(sorted, sorted.length - half, sorted.length) };
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
