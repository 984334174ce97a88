import { setEntry } from '../../model/values.js';
import type { GroupEntry } from './table.js';

/**
 * Groups whose states are flat and alike, stored by columns: the names of the properties once a part, then the values of
 * each. As rows, the names are written and read again with every group, which takes half as much time again and two
 * thirds more bytes.
 *
 * A column holds values that are no objects, or arrays of numbers. Another object may stand in more than one place of a
 * state, which only the state as a whole keeps; so does an array that does.
 */
export interface Columns {
  readonly names: readonly string[];
  /** The groups' times of last use; absent where none is kept. */
  readonly times: readonly (bigint | undefined)[] | undefined;
  readonly keys: readonly string[];
  /** For each key its values, one a group. */
  readonly values: readonly Column[];
}

type Column = readonly unknown[] | NumberLists;

/**
 * Arrays of numbers, one a group, end to end. V8 would write each number with a tag, and read the arrays back as ones of
 * objects, which take three times the memory.
 */
interface NumberLists {
  readonly lengths: Uint32Array;
  readonly numbers: Float64Array;
}

/** The groups by columns, if their states are flat and alike. */
export function columnsOf(entries: readonly GroupEntry[]): Columns | undefined {
  const first = entries[0]?.[1];
  if (!isPlain(first)) return undefined;
  const keys = Object.keys(first);
  for (const [, state] of entries) {
    if (!isPlain(state)) return undefined;
    const own = Object.keys(state);
    // In the same order, too, which a state may rely on.
    if (own.length !== keys.length || own.some((key, at) => key !== keys[at])) return undefined;
  }
  const seen = new Set<unknown>();
  const values: Column[] = [];
  for (const key of keys) {
    const column = columnOf(
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

/** The values of one property as a column; `undefined` if they do not fit into one. `seen` are the arrays so far. */
function columnOf(values: unknown[], seen: Set<unknown>): Column | undefined {
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
  // What cannot be stored at all is refused with the state that it is in.
  // `Array.from` and not `map`: V8 takes what `map` makes for an array with holes, and writes its indexes too.
  return values.every(isSimple) ? Array.from(values, compact) : undefined;
}

/**
 * A dense array of numbers and nothing else. To list the keys of each would take as long as all the rest: an author who
 * gives arrays named properties does so to a part's first one too.
 */
function isNumberList(value: unknown, index: number): value is readonly number[] {
  if (!Array.isArray(value) || Object.getPrototypeOf(value) !== Array.prototype) return false;
  if (index === 0 && Object.keys(value).length !== value.length) return false;
  for (const item of value) if (typeof item !== 'number') return false; // a hole reads as undefined
  return true;
}

/** The groups as they were. */
export function* entriesOf({ names, times, keys, values }: Columns): Generator<GroupEntry> {
  const readers = values.map(readerOf);
  for (const [index, name] of names.entries()) {
    const state: Record<string, unknown> = {};
    for (let key = 0; key < keys.length; key++) setEntry(state, keys[key]!, readers[key]!(index));
    yield [name, state, times?.[index]];
  }
}

/** Reads a column's values, from the first on. */
function readerOf(column: Column): (index: number) => unknown {
  if (isList(column)) return (index) => column[index];
  const { lengths, numbers } = column;
  let at = 0;
  return (index) => {
    // Doubles from the start, in memory of the right size.
    const list = new Array<number>(lengths[index]!).fill(NaN);
    for (let item = 0; item < list.length; item++) list[item] = numbers[at++]!;
    return list;
  };
}

/**
 * Whether what a part of so many bytes held are columns that fit each other. Each value takes a byte at least: an array that
 * claims more elements than that was not written by us, and to go through them could take for ever.
 */
export function areColumns(part: unknown, partBytes: number): part is Columns {
  if (typeof part !== 'object' || part === null || !('names' in part)) return false;
  const { names, times, keys, values } = part as Partial<Columns>;
  const fits = (column: unknown): boolean => lengthOf(column) === names?.length;
  return (
    Array.isArray(names) &&
    names.length > 0 &&
    (times === undefined || fits(times)) &&
    Array.isArray(keys) &&
    names.length * Math.max(1, keys.length) <= partBytes &&
    keys.every((key) => typeof key === 'string') &&
    Array.isArray(values) &&
    values.length === keys.length &&
    new Set(values).size === values.length && // one column in the place of many would multiply its size
    values.every(fits)
  );
}

/** How many groups a column is of; `undefined` if it is none. */
function lengthOf(column: unknown): number | undefined {
  if (Array.isArray(column)) return column.length;
  const { lengths, numbers } = (column ?? {}) as Partial<NumberLists>;
  if (!(lengths instanceof Uint32Array) || !(numbers instanceof Float64Array)) return undefined;
  return lengths.reduce((sum, length) => sum + length, 0) === numbers.length ? lengths.length : undefined;
}

/** `Array.isArray`, which does not tell readonly arrays from other objects. */
function isList(column: Column): column is readonly unknown[] {
  return Array.isArray(column);
}

function isPlain(state: unknown): state is Readonly<Record<string, unknown>> {
  return typeof state === 'object' && state !== null && Object.getPrototypeOf(state) === Object.prototype;
}

/** An integer that V8 happens to hold as a double, as it does after some calculations, would take nine bytes too. */
function compact(value: unknown): unknown {
  if (typeof value !== 'number') return value;
  const integer = value | 0;
  return Object.is(integer, value) ? integer : value;
}

function isSimple(value: unknown): boolean {
  const type = typeof value;
  return value === null || (type !== 'object' && type !== 'function' && type !== 'symbol');
}
