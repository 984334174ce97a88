import type { EventClock } from 'kapacitor-udf';
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
