import { type EventClock, isEventClock, type Point } from 'kapacitor-udf';
import type { Reading } from './watch.js';

/**
 * The state of a group, flat and small since there may be a million groups. Properties that not every use needs are
 * optional: with all of them, restoring takes twice as long.
 */
export interface GroupState extends EventClock {
  /** The current state; `undefined` before the first point. */
  value: Reading | undefined;
  /** When the state began, in nanoseconds. */
  since: bigint;
  /** Number of points in the state. */
  count: number;
  /** With `.every()`: when the state was last emitted, by the clock of the use; null if `.from()` or `.to()` exclude it. */
  emitted?: bigint | null;
  /** With `.hold()`: a newer state that has not held for long enough yet. */
  pending?: PendingState | undefined;
  /** The last point that showed a state, where it may be emitted again. */
  last?: Point;
  /** With `.silentAfter()`: whether the group has fallen silent. */
  silent?: boolean | undefined;
  /** With `.totalsEvery()`: the interval that is open. */
  totals?: GroupTotals | undefined;
}

/** The time that a group has spent in each state in the interval that is open. */
export interface GroupTotals {
  /** When the interval began. */
  start: bigint;
  /** Up to when the time is credited. */
  until: bigint;
  /** Intervals that have ended since the group's last point. */
  quiet: number;
  /** The states, as text, and the nanoseconds of each. */
  states: string[];
  spent: bigint[];
}

export interface PendingState {
  value: Reading;
  since: bigint;
  count: number;
  /** With `.clock('wall')`: when it began by that clock. */
  began?: bigint;
}

/** `seconds` stays null if late points are processed. */
export function newGroup(): GroupState {
  return { value: undefined, since: 0n, count: 0, seconds: null, nanos: 0 };
}

/** Whether a restored state is one that `newGroup` and the points after it can have made. */
export function isGroupState(state: unknown): boolean {
  if (typeof state !== 'object' || state === null || !isEventClock(state)) return false;
  const { value, emitted, pending, last, silent, totals } = state as {
    readonly [Key in keyof GroupState]?: unknown;
  };
  return (
    isPeriod(state) &&
    (value === undefined || isReading(value)) &&
    (emitted === undefined || emitted === null || isInt64(emitted)) &&
    (pending === undefined || isPending(pending)) &&
    (last === undefined || isPoint(last)) &&
    (silent === undefined || typeof silent === 'boolean') &&
    (totals === undefined || isTotals(totals))
  );
}

function isPending(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    isPeriod(value) &&
    'value' in value &&
    isReading(value.value) &&
    (!('began' in value) || isInt64(value.began))
  );
}

function isPoint(value: unknown): boolean {
  return (
    typeof value === 'object' && value !== null && 'withTime' in value && typeof value.withTime === 'function'
  );
}

function isTotals(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { start, until, quiet, states, spent } = value as { readonly [Key in keyof GroupTotals]?: unknown };
  return (
    isInt64(start) &&
    isInt64(until) &&
    Number.isSafeInteger(quiet) &&
    Array.isArray(states) &&
    states.every((state) => typeof state === 'string') &&
    Array.isArray(spent) &&
    spent.length === states.length &&
    spent.every(isInt64)
  );
}

function isPeriod(value: object): boolean {
  const { since, count } = value as { readonly [Key in keyof GroupState]?: unknown };
  return isInt64(since) && Number.isSafeInteger(count) && (count as number) >= 0;
}

function isReading(value: unknown): boolean {
  if (!Array.isArray(value)) return isValue(value);
  for (const each of value as readonly unknown[]) if (!isValue(each)) return false; // ends at the first hole
  return true;
}

function isValue(value: unknown): boolean {
  if (value === null) return true;
  const type = typeof value;
  return type === 'string' || type === 'number' || type === 'boolean' || isInt64(value);
}

function isInt64(value: unknown): boolean {
  return typeof value === 'bigint' && BigInt.asIntN(64, value) === value;
}
