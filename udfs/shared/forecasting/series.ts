/** A history on a regular grid of local time: every day has the same number of intervals, so that seasons have fixed lengths. */
export interface Series {
  /** One value an interval; NaN where it is missing. The last one is the origin of forecasts. */
  readonly values: Float64Array;
  /** The same without gaps, for lags. */
  readonly filled: Float64Array;
  /** The first interval's number since Monday 1970-01-05 00:00, local time. */
  readonly first: number;
  readonly perDay: number;
}

/** Makes a series of values on the local grid, which must have at least one number. */
export function createSeries(values: Float64Array, first: number, perDay: number): Series {
  return { values, filled: fillGaps(values, perDay), first, perDay };
}

/** Gaps of at most two hours are filled by straight lines, longer ones by the nearest value of the same time. */
function fillGaps(values: Float64Array, perDay: number): Float64Array {
  const filled = values.slice();
  const maxLine = Math.max(1, Math.floor(perDay / 12));
  for (let start = 0; start < filled.length; start++) {
    if (!Number.isNaN(values[start])) continue;
    let end = start + 1;
    while (end < filled.length && Number.isNaN(values[end])) end++;
    const [before, after] = [values[start - 1], values[end]];
    for (let at = start; at < end; at++) {
      let value: number | undefined;
      if (end - start > maxLine) value = sameTime(values, at, 7 * perDay) ?? sameTime(values, at, perDay);
      if (value === undefined) {
        const share = (at - start + 1) / (end - start + 1);
        value =
          before === undefined ? after! : after === undefined ? before : before + (after - before) * share;
      }
      filled[at] = value;
    }
    start = end;
  }
  return filled;
}

/** The nearest value at a multiple of the period before or after a place. */
function sameTime(values: Float64Array, at: number, period: number): number | undefined {
  for (let distance = period; at - distance >= 0 || at + distance < values.length; distance += period) {
    const earlier = values[at - distance];
    if (earlier !== undefined && !Number.isNaN(earlier)) return earlier;
    const later = values[at + distance];
    if (later !== undefined && !Number.isNaN(later)) return later;
  }
  return undefined;
}
