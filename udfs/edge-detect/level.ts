import type { FieldValue } from 'kapacitor-udf';

/** States of a number relative to a threshold. */
export const high = 'high';
export const low = 'low';

/**
 * Returns the side of the threshold that a value is on; `undefined` if it is not a number. Between `above − hysteresis` and
 * `above`, the previous level is kept; low if there is none.
 */
export function createLevel(above: number, hysteresis: number) {
  const lowAt = above - hysteresis;
  return (value: FieldValue | undefined, shown: unknown): string | undefined => {
    if ((typeof value !== 'number' && typeof value !== 'bigint') || Number.isNaN(value)) return undefined;
    if (value > above) return high; // an integer and a double compare exactly
    return value <= lowAt || shown !== high ? low : high;
  };
}
