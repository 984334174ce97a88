import { setEntry } from '../../model/values.js';
import type { GroupEntry } from './table.js';

/**
 * Groups stored by columns: the property names once per part, then each property's values. Used if all states have the
 * same properties; rows would repeat the names for each group, which takes 1.5 times as long and 1.7 times the bytes.
 *
 * A column holds primitive values or arrays of numbers. Other objects, and arrays that occur twice, may be shared between
 * properties or groups. Columns would lose the sharing, so such states are stored as rows.
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

/**
 * Arrays of numbers, one per group, concatenated. V8's serializer would write a tag with each number, and read back arrays
 * of boxed numbers, which take three times the memory.
 */
interface NumberLists {
  readonly lengths: Uint32Array;
  readonly numbers: Float64Array;
}

/** Converts groups to columns; `undefined` if their states do not fit. */
export function toColumns(entries: readonly GroupEntry[]): Columns | undefined {
  const first = entries[0]?.[1];
  if (!isPlainObject(first)) return undefined;
  const keys = Object.keys(first);
  for (const [, state] of entries) {
    if (!isPlainObject(state)) return undefined;
    const own = Object.keys(state);
    // The order of the keys must be equal too: a UDF may rely on it.
    if (own.length !== keys.length || own.some((key, at) => key !== keys[at])) return undefined;
  }
  const seen = new Set<unknown>();
  const values: Column[] = [];
  for (const key of keys) {
    const column = toColumn(
      Array.from(entries, ([, state]) => (state as Readonly<Record<string, unknown>>)[key]),
      seen,
    );
    if (column === undefined) return undefined;
    values.push(column);
  }
  const hasTimes = entries.some(([, , time]) => time !== undefined);
  return {
    names: Array.from(entries, ([name]) => name),
    times: hasTimes ? Array.from(entries, ([, , time]) => time) : undefined,
    keys,
    values,
  };
}

/** Converts the values of one property; `undefined` if they do not fit. `seen` collects the arrays, to find shared ones. */
function toColumn(values: unknown[], seen: Set<unknown>): Column | undefined {
  if (values.every(isNumberList)) {
    const lists = values as readonly (readonly number[])[];
    for (const list of lists) {
      if (seen.has(list)) return undefined;
      seen.add(list);
    }
    const lengths = Uint32Array.from(lists, ({ length }) => length);
    const numbers = new Float64Array(lengths.reduce((sum, length) => sum + length, 0));
    let at = 0;
    for (const list of lists) {
      numbers.set(list, at);
      at += list.length;
    }
    return { lengths, numbers };
  }
  // Functions and symbols do not fit: the error that refuses them comes from serializing the states as rows.
  // `Array.from`, as V8 marks the result of `map` as an array with holes, and then writes each index too.
  return values.every(isStorablePrimitive) ? Array.from(values, toSmallInteger) : undefined;
}

/**
 * Whether a value is a dense array of numbers without named properties. Only the first array of a part is checked for
 * named properties: listing the keys of each would double the time of a snapshot.
 */
function isNumberList(value: unknown, index: number): value is readonly number[] {
  if (!Array.isArray(value) || Object.getPrototypeOf(value) !== Array.prototype) return false;
  if (index === 0 && Object.keys(value).length !== value.length) return false;
  for (const item of value) if (typeof item !== 'number') return false; // also false for a hole, which reads as undefined
  return true;
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

function isPlainObject(state: unknown): state is Readonly<Record<string, unknown>> {
  return typeof state === 'object' && state !== null && Object.getPrototypeOf(state) === Object.prototype;
}

/** V8 may hold an integer as a double after a calculation, and would then write nine bytes: converts it to a small one. */
function toSmallInteger(value: unknown): unknown {
  if (typeof value !== 'number') return value;
  const integer = value | 0;
  return Object.is(integer, value) ? integer : value;
}

function isStorablePrimitive(value: unknown): boolean {
  const type = typeof value;
  return value === null || (type !== 'object' && type !== 'function' && type !== 'symbol');
}
