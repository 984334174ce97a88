const second = 1_000_000_000n;

/** Where the times of test data begin, unless they must be near the present: 2018-01-03T11:30:00Z. */
export const epoch = 1_514_979_000n * second;

/** The present, in nanoseconds: for what is queried back to so long ago. */
export const now = (): bigint => BigInt(Date.now()) * 1_000_000n;

export interface Spread {
  /** The time of the first one. */
  readonly from?: bigint;
  /** Seconds between two. */
  readonly every?: number;
}

/** Line protocol of one series: a line for each text of fields, a second apart unless told otherwise. */
export function series(
  key: string,
  fields: readonly string[],
  { from = epoch, every = 1 }: Spread = {},
): string[] {
  return fields.map((text, index) => `${key} ${text} ${from + BigInt(index * every) * second}`);
}

/** The same for one field `value`, of numbers or texts. */
export function values(key: string, given: readonly (number | string)[], spread: Spread = {}): string[] {
  const fields = given.map((value) => `value=${typeof value === 'string' ? `"${value}"` : value}`);
  return series(key, fields, spread);
}
