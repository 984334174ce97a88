import { type EventClock, isEventClock } from 'kapacitor-udf';
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
  /** With `.every()`: when the state was last emitted; null if `.from()` or `.to()` exclude it. */
  emitted?: bigint | null;
  /** With `.hold()`: a newer state that has not held for long enough yet. */
  pending?: PendingState | undefined;
}

export interface PendingState {
  value: Reading;
  since: bigint;
  count: number;
}

/** `seconds` stays null if late points are processed. */
export function newGroup(): GroupState {
  return { value: undefined, since: 0n, count: 0, seconds: null, nanos: 0 };
}

/** Whether a restored state is one that `newGroup` and the points after it can have made. */
export function isGroupState(state: unknown): boolean {
  if (typeof state !== 'object' || state === null || !isEventClock(state)) return false;
  const { value, emitted, pending } = state as { readonly [Key in keyof GroupState]?: unknown };
  return (
    isPeriod(state) &&
    (value === undefined || isReading(value)) &&
    (emitted === undefined || emitted === null || isInt64(emitted)) &&
    (pending === undefined || isPending(pending))
  );
}

function isPending(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    isPeriod(value) &&
    'value' in value &&
    isReading(value.value)
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
