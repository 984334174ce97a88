import type { FieldValue } from 'kapacitor-udf';

/** The states of a number that is watched against a threshold. */
export const high = 'high';
export const low = 'low';

/**
 * Which side of the threshold a value is on; `undefined` if it is no number. Between `above − hysteresis` and `above`
 * it stays what was shown before, low if nothing was.
 */
export function createLevel(above: number, hysteresis: number) {
  const lowAt = above - hysteresis;
  return (value: FieldValue | undefined, shown: unknown): string | undefined => {
    if ((typeof value !== 'number' && typeof value !== 'bigint') || Number.isNaN(value)) return undefined;
    if (value > above) return high; // an integer and a double compare exactly
    return value <= lowAt || shown !== high ? low : high;
  };
}
