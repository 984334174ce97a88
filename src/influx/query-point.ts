import { UdfError } from '../model/errors.js';
import type { Fields, Tags } from '../model/values.js';

/** A point that a query found. */
export interface QueriedPoint {
  readonly name: string;
  readonly tags: Tags;
  readonly fields: Fields;
  readonly time: bigint;
}

/** An integer of the server as a field's value. Throws `malformed` for one that int64, all that a field has, cannot hold. */
export function int64Field(column: string, value: bigint): bigint {
  if (BigInt.asIntN(64, value) === value) return value;
  throw unsupportedColumn(column, `holds ${value}, beyond the 64-bit signed integers of a field`);
}

/** The error for a column that no recording can hold. */
export function unsupportedColumn(column: string, problem: string): UdfError {
  return new UdfError('malformed', `the query's column "${column}" ${problem}`);
}
