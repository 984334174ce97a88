/** A mean as a fraction: `sum / count` in units of 2^-1074, of which every double is a whole number. */
export interface ExactMean {
  readonly sum: bigint;
  /** The sum of the absolute values. */
  readonly absolute: bigint;
  readonly count: bigint;
}

const unitsPerOne = 2n ** 1074n;

/** The mean of finite numbers, with no rounding. */
export function exactMean(values: readonly (number | bigint)[]): ExactMean {
  const units = values.map((value) => (typeof value === 'bigint' ? value * unitsPerOne : unitsOf(value)));
  return {
    sum: units.reduce((sum, unit) => sum + unit, 0n),
    absolute: units.reduce((sum, unit) => sum + magnitude(unit), 0n),
    count: BigInt(units.length),
  };
}

/** Whether a double is within 1e-12 of the absolute values' mean of a mean; or within one of the least doubles. */
export function isNearly(is: number, { sum, absolute, count }: ExactMean): boolean {
  if (!Number.isFinite(is)) return false;
  const off = magnitude(unitsOf(is) * count - sum);
  return off * 10n ** 12n <= absolute || off <= count;
}

/** A finite double in units of 2^-1074. */
export function unitsOf(double: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, double);
  const bits = view.getBigUint64(0);
  const exponent = (bits >> 52n) & 0x7ffn;
  const fraction = bits & (2n ** 52n - 1n);
  const units = exponent === 0n ? fraction : (fraction | (2n ** 52n)) << (exponent - 1n);
  return double < 0 ? -units : units;
}

export function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value;
}
