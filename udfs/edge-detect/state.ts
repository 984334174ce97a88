import type { EventClock } from 'kapacitor-udf';
import type { Reading } from './watch.js';

/**
 * A group's state: plain, flat and small, for there may be a million. Only the properties that every use needs are
 * always there: objects with more take twice as long to restore.
 */
export interface GroupState extends EventClock {
  /** The state that the group is in; undefined before its first point. */
  value: Reading | undefined;
  /** When it began, in nanoseconds. */
  since: bigint;
  /** How many points it has lasted. */
  count: number;
  /** With `.every()`: when the state was last emitted; null if `.from()` and `.to()` leave it out. */
  emitted?: bigint | null;
  /** With `.hold()`: the state that the group has shown since, and that does not count yet. */
  pending?: PendingState | undefined;
}

export interface PendingState {
  value: Reading;
  since: bigint;
  count: number;
}

/** `seconds` stays null where late points are processed. */
export function newGroup(): GroupState {
  return { value: undefined, since: 0n, count: 0, seconds: null, nanos: 0 };
}
