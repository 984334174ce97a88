import type { Batch } from '../model/batch.js';
import type { BatchPoint, BatchPointInit, Point } from '../model/point.js';
import type { FieldInputs, Tags, TimeInput } from '../model/values.js';

export const timerClocks = ['event', 'connection', 'wall'] as const;

/**
 * What a timer waits for.
 *
 * - `event`, the default: the group's own time. The timer fires when the group gets a point (or a batch) at its time or
 *   later, before that is handled.
 * - `connection`: as `event`, but for a point or a batch of any group of the connection.
 * - `wall`: the time of day. The timer fires also when no point comes.
 */
export type TimerClock = (typeof timerClocks)[number];

/** When a timer fires. */
export type TimerSetting = {
  /** `event` if not given. */
  readonly clock?: TimerClock | undefined;
} & (
  | {
      /** Nanoseconds since the epoch. */
      readonly at: TimeInput;
      readonly after?: never;
    }
  | {
      /**
       * How long from now: `'30s'`, as in a TICKscript, or nanoseconds. For the clocks of points, now is the time of the
       * point, batch or timer that is handled; for `wall`, it is the time of day.
       */
      readonly after: string | bigint;
      readonly at?: never;
    }
);

/**
 * The timers of the current group. They are part of its state: a snapshot holds them, a group that expires loses them.
 *
 * A restored timer of the `wall` clock whose time has passed fires soon after the restore. What is not due when the task
 * stops never fires: emit what is left in `stop`, after which no timer fires.
 */
export interface Timers {
  /**
   * Sets the timer of this name, in place of an earlier one; the definition's `timer` is called when it fires.
   *
   * One whose time has passed fires with the next point or batch of its clock, or at once for `wall`. The same holds for one
   * that `timer` sets for no later time than that of the timer which fires: it does not fire again with the same point. One
   * that is set for a later time does if the point has reached that too, so `{ after: '1s' }` in `timer` fires once for each
   * second that has passed, also after a gap.
   *
   * Throws `handler` if the use has no `timer` (see `onlyWith`), the setting is invalid, the group has 1,000 other timers, or
   * `after` counts from a time that is unknown: that of points, in a timer of the `wall` clock or in `beginBatch`.
   */
  set(this: void, name: string, when: TimerSetting): void;
  /**
   * Sets the timer of this name to fire when no input waits: for work that may not delay points, such as a model that is
   * fitted anew. Such timers fire one at a time, in the order in which they were set, and input that has come meanwhile is
   * handled in between: let each call take a few milliseconds at most. While input never ceases, one fires every 25 ms.
   *
   * One that such a call sets is the next to fire. So long work can be cut into steps, with its progress in the state, and is
   * finished before that of other groups begins. Setting one again that has not fired yet changes nothing.
   *
   * For `timer` it is one of the `wall` clock, and its time that at which it was set. When the input ends, all fire before
   * `stop`. In a test or a replay, where time passes after each input, all fire before the next one.
   *
   * Throws `handler` as `set` does.
   */
  whenIdle(this: void, name: string): void;
  /** Cancels the timer of this name. Returns whether there was one. */
  cancel(this: void, name: string): boolean;
  /** The `time` of the timer of this name; `undefined` if it is not set. */
  get(this: void, name: string): bigint | undefined;
}

/** A timer that fires. */
export interface Timer {
  readonly name: string;
  /** The time that it was set for, in nanoseconds since the epoch; of `whenIdle`, the time at which it was set. It may fire later; see `clock`. */
  readonly time: bigint;
  readonly clock: TimerClock;
}

/** Changes of what a group's new point or batch has by itself. */
export interface NewItem {
  /** Nanoseconds since the epoch. */
  readonly time: TimeInput;
  /** Tags besides those of the group. */
  readonly tags?: Tags | undefined;
}

/**
 * Creates points and batches of the current group, for `timer` and `stop`, which are not called with one. The other handlers make
 * theirs of their input (`point.withFields`, `batch.withPoints`), or by `createPoint` and `createBatch`. Items have the name, database,
 * retention policy and group of the point or batch whose handler first set a timer for the group, and the tags that it is
 * grouped by. `Item` is `Partial<NewItem>` where the time may be left out: it is the timer's then.
 *
 * Both throw `handler` in a group that never had a timer, and `invalid_argument` for a value that Kapacitor cannot hold.
 */
export interface GroupItems<Item> {
  newPoint(this: void, fields: FieldInputs, ...item: ItemArgument<Item>): Point;
  newBatch(this: void, points: readonly (BatchPoint | BatchPointInit)[], ...item: ItemArgument<Item>): Batch;
}

type ItemArgument<Item> = Partial<NewItem> extends Item ? [item?: Item] : [item: Item];
