import { setEntry } from '../../model/values.js';
import type { GroupEntry } from './table.js';

/**
 * Groups in snapshots of format 1, stored by columns: the property names once per part, then each property's values. Only
 * read: format 2 has columns of its own.
 */
export interface Columns {
  readonly names: readonly string[];
  /** The groups' times of last use; `undefined` if groups do not expire. */
  readonly times: readonly (bigint | undefined)[] | undefined;
  readonly keys: readonly string[];
  /** One column per key, each with one value per group. */
  readonly values: readonly Column[];
}

type Column = readonly unknown[] | NumberLists;

/** Arrays of numbers, one per group, concatenated. */
interface NumberLists {
  readonly lengths: Uint32Array;
  readonly numbers: Float64Array;
}

/** Converts columns back to groups. */
export function* entriesFromColumns({ names, times, keys, values }: Columns): Generator<GroupEntry> {
  const readers = values.map(columnReader);
  for (const [index, name] of names.entries()) {
    const state: Record<string, unknown> = {};
    for (let key = 0; key < keys.length; key++) setEntry(state, keys[key]!, readers[key]!(index));
    yield [name, state, times?.[index]];
  }
}

/** A function that returns a column's values; to be called with each index in ascending order. */
function columnReader(column: Column): (index: number) => unknown {
  if (isValueColumn(column)) return (index) => column[index];
  const { lengths, numbers } = column;
  let at = 0;
  return (index) => {
    // Filled with a double first, so that V8 stores unboxed doubles and never has to convert or grow the array.
    const list = new Array<number>(lengths[index]!).fill(NaN);
    for (let item = 0; item < list.length; item++) list[item] = numbers[at++]!;
    return list;
  };
}

/**
 * Whether a part decoded from `partBytes` bytes holds columns of equal lengths. Each value takes at least one byte, so an
 * array with more elements is forged: iterating over it could block the process.
 */
export function areColumns(part: unknown, partBytes: number): part is Columns {
  if (typeof part !== 'object' || part === null || !('names' in part)) return false;
  const { names, times, keys, values } = part as Partial<Columns>;
  const fits = (column: unknown): boolean => columnLength(column) === names?.length;
  return (
    Array.isArray(names) &&
    names.length > 0 &&
    (times === undefined || fits(times)) &&
    Array.isArray(keys) &&
    names.length * Math.max(1, keys.length) <= partBytes &&
    keys.every((key) => typeof key === 'string') &&
    Array.isArray(values) &&
    values.length === keys.length &&
    new Set(values).size === values.length && // a forged part could refer to one column many times
    values.every(fits)
  );
}

/** The number of groups in a column; `undefined` if the value is not a column. */
function columnLength(column: unknown): number | undefined {
  if (Array.isArray(column)) return column.length;
  const { lengths, numbers } = (column ?? {}) as Partial<NumberLists>;
  if (!(lengths instanceof Uint32Array) || !(numbers instanceof Float64Array)) return undefined;
  return lengths.reduce((sum, length) => sum + length, 0) === numbers.length ? lengths.length : undefined;
}

/** `Array.isArray` as a type guard for readonly arrays, which its own type does not narrow to. */
function isValueColumn(column: Column): column is readonly unknown[] {
  return Array.isArray(column);
}
