import { setEntry } from '../../model/values.js';
import type { GroupEntry } from './table.js';

/**
 * Groups whose states are flat and alike, stored by columns: the names of the properties once for all, then the values
 * of each. As rows, the names are written and read again with every group, which takes half as much time again and two
 * thirds more bytes.
 *
 * Only values that are no objects go into columns. An object may stand in more than one place of a state, which only
 * the state as a whole keeps.
 */
export interface Columns {
  readonly names: readonly string[];
  /** The groups' times of last use; absent where none is kept. */
  readonly times: readonly (bigint | undefined)[] | undefined;
  readonly keys: readonly string[];
  /** For each key its values, one a group. */
  readonly values: readonly (readonly unknown[])[];
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
    if (own.length !== keys.length) return undefined;
    for (let at = 0; at < keys.length; at++) {
      // What cannot be stored at all is refused with the state that it is in.
      if (own[at] !== keys[at] || !isSimple(state[keys[at]!])) return undefined;
    }
  }
  const hasTimes = entries.some(([, , time]) => time !== undefined);
  // `Array.from` and not `map`: V8 takes what `map` makes for an array with holes, and writes its indexes too.
  return {
    names: Array.from(entries, ([name]) => name),
    times: hasTimes ? Array.from(entries, ([, , time]) => time) : undefined,
    keys,
    values: keys.map((key) =>
      Array.from(entries, ([, state]) => compact((state as Record<string, unknown>)[key])),
    ),
  };
}

/** The groups as they were. */
export function* entriesOf({ names, times, keys, values }: Columns): Generator<GroupEntry> {
  for (const [index, name] of names.entries()) {
    const state: Record<string, unknown> = {};
    for (let key = 0; key < keys.length; key++) setEntry(state, keys[key]!, values[key]![index]);
    yield [name, state, times?.[index]];
  }
}

/** Whether what a snapshot held are columns that fit each other. */
export function areColumns(part: unknown): part is Columns {
  if (typeof part !== 'object' || part === null || !('names' in part)) return false;
  const { names, times, keys, values } = part as Partial<Columns>;
  const fits = (column: unknown): boolean => Array.isArray(column) && column.length === names?.length;
  return (
    Array.isArray(names) &&
    names.length > 0 &&
    (times === undefined || fits(times)) &&
    Array.isArray(keys) &&
    Array.isArray(values) &&
    values.length === keys.length &&
    values.every(fits)
  );
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
