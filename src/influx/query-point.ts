import { UdfError } from '../model/errors.js';
import type { Fields, Tags } from '../model/values.js';

/** A point in the result of a query. */
export interface QueriedPoint {
  readonly name: string;
  readonly tags: Tags;
  readonly fields: Fields;
  readonly time: bigint;
}

/** Returns an integer if it fits a field (int64). Throws `malformed` otherwise. */
export function int64Field(column: string, value: bigint): bigint {
  if (BigInt.asIntN(64, value) === value) return value;
  throw unsupportedColumn(column, `holds ${value}, beyond the 64-bit signed integers of a field`);
}

/** An error for a column that a recording cannot hold. */
export function unsupportedColumn(column: string, problem: string): UdfError {
  return new UdfError('malformed', `the query's column "${column}" ${problem}`);
}
