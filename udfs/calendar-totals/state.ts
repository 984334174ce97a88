import { type EventClock, type FieldValue, isEventClock } from 'kapacitor-udf';
import { encodeHead, type EncodedHead, isEncodedHead } from './head.js';

/** What a period has accumulated. Times are in seconds since the epoch. */
export interface Period {
  start: number;
  /** Exclusive. */
  end: number;
  /** How often it was emitted as closed; 0 while it is open. */
  revision: number;
  /** Numbers, see `Layout`; one array of doubles, to save memory per group. */
  cells: number[];
  /** Values of `min`, `max` and `last`; absent if none is asked for. */
  values?: (FieldValue | null)[] | undefined;
}

/**
 * The state of a group: the period of its newest point, and others beside it. Flat and small, since there may be a million
 * groups. While there is no current period, `start` and `end` are equal.
 */
export interface GroupState extends Period, EventClock, EncodedHead {
  /** Closed periods that are kept, and open ones after the current; by start. */
  others?: Period[] | undefined;
  /** With `.maxGap()`: the last point of each integrated field, as seconds, nanoseconds and value; NaN if none. */
  previous?: number[] | undefined;
  /** With `.every()`: the second from which the next point emits a total so far. */
  nextPartial?: number | undefined;
  /** With `.closeAfter()`, see `closing.ts`. */
  closing?: number | undefined;
}

/**
 * A group before its first point: the texts of its head are empty. It names what most groups come to have, for their shape:
 * V8 stores properties that are added later apart from the others, and states that differ in their properties take much more
 * time in a snapshot.
 */
export function newGroup(): GroupState {
  return {
    stream: '',
    tagValues: '',
    seconds: null,
    nanos: 0,
    start: 0,
    end: 0,
    revision: 0,
    cells: [],
    values: undefined,
    others: undefined,
    late: undefined,
  };
}

/** Whether a restored state is one that `newGroup` and the points after it can have made. */
export function isGroupState(state: unknown): boolean {
  if (typeof state !== 'object' || state === null || !isEventClock(state) || !isPeriod(state, true)) {
    return false;
  }
  const { stream, tagValues, others, previous, nextPartial, closing } = state as {
    readonly [Key in keyof GroupState]?: unknown;
  };
  return (
    typeof stream === 'string' &&
    typeof tagValues === 'string' &&
    (stream === '' || isEncodedHead({ stream, tagValues })) &&
    (others === undefined || isListOf(others, (other) => isPeriod(other, false))) &&
    (previous === undefined || isListOf(previous, (value) => typeof value === 'number')) &&
    (nextPartial === undefined || Number.isSafeInteger(nextPartial)) &&
    (closing === undefined || closing === 0 || closing === 1 || closing === 2)
  );
}

function isPeriod(period: unknown, mayBeEmpty: boolean): boolean {
  if (typeof period !== 'object' || period === null) return false;
  const { start, end, revision, cells, values } = period as { readonly [Key in keyof Period]?: unknown };
  return (
    Number.isSafeInteger(start) &&
    Number.isSafeInteger(end) &&
    ((start as number) < (end as number) || (mayBeEmpty && start === end)) &&
    Number.isSafeInteger(revision) &&
    (revision as number) >= 0 &&
    isListOf(cells, (cell) => typeof cell === 'number') &&
    (values === undefined || isListOf(values, isValue))
  );
}

function isValue(value: unknown): boolean {
  if (typeof value === 'bigint') return BigInt.asIntN(64, value) === value;
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}

/** Whether a value is an array of nothing but such items. */
function isListOf(list: unknown, isItem: (item: unknown) => boolean): boolean {
  if (!Array.isArray(list)) return false;
  for (const item of list as readonly unknown[]) if (!isItem(item)) return false; // ends at the first hole
  return true;
}

/** Converts a state of version 1, whose head was one text. */
export function fromVersion1(old: unknown): GroupState {
  const { head, ...rest } = old as Omit<GroupState, keyof EncodedHead> & { readonly head: string };
  return { ...newGroup(), ...(head !== '' && headOfVersion1(head)), ...rest };
}

function headOfVersion1(head: string): EncodedHead {
  const [name, database, retentionPolicy, byName, dimensions, values] = JSON.parse(head) as [
    ...[name: string, database: string, retentionPolicy: string, byName: boolean],
    ...[dimensions: string[], values: (string | null)[]],
  ];
  const tags: Record<string, string> = {};
  for (const [index, dimension] of dimensions.entries()) {
    const value = values[index] ?? null;
    if (value !== null) tags[dimension] = value;
  }
  return encodeHead({ name, database, retentionPolicy, byName, dimensions, tags });
}
