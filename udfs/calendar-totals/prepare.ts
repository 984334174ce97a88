import type { Context, FieldValue, Point } from 'kapacitor-udf';
import { type Calendar, createCalendar } from './calendar.js';
import { createLayout, type Layout } from './layout.js';
import type { Options } from './options.js';
import type { GroupState } from './state.js';
import { createTotals, type Totals } from './totals.js';

/** A duration in whole seconds and the nanoseconds beyond them, and as a double. */
export interface Span {
  readonly seconds: number;
  readonly nanos: number;
  readonly inSeconds: number;
}

/** Computed once from the options. */
export interface Prepared {
  readonly calendar: Calendar;
  readonly layout: Layout;
  readonly totals: Totals;
  /** How long before its point's time an interval begins. */
  readonly shift: Span;
  readonly interval: Span | undefined;
  /** How long after its point's time an interval ends, in seconds. */
  readonly reach: number;
  /** A point is in the current period if its interval begins this many seconds before the end, or more. */
  readonly room: number;
  readonly isSplit: boolean;
  /** In seconds. */
  readonly maxGap: number | undefined;
  readonly keep: number;
  readonly every: number | undefined;
  readonly closeAfter: bigint | undefined;
  readonly failsOnMissing: boolean;
  /** The values of the point that is handled, by field; `undefined` if missing. */
  readonly values: (FieldValue | undefined)[];
}

export type TotalsContext = Context<Options, Prepared, GroupState, Point>;

const nanosPerSecond = 1_000_000_000n;

export function prepare(options: Options): Prepared {
  const { by, zone, weekStart, stamp, maxGap, every } = options;
  const interval = options.interval === undefined ? undefined : spanOf(options.interval);
  // Without an interval, a point at the end of a period is in it.
  const shift = stamp === 'start' ? spanOf(0n) : (interval ?? spanOf(1n));
  const layout = createLayout(options);
  return {
    calendar: createCalendar(by, zone, weekStart),
    layout,
    totals: createTotals(options, layout),
    shift,
    interval,
    reach: stamp === 'start' && interval !== undefined ? interval.inSeconds : 0,
    room: options.split && interval !== undefined ? Math.max(1, Math.ceil(interval.inSeconds)) : 1,
    isSplit: options.split,
    maxGap: maxGap === undefined ? undefined : spanOf(maxGap).inSeconds,
    keep: spanOf(options.keep).inSeconds,
    every: every === undefined ? undefined : Math.ceil(spanOf(every).inSeconds),
    closeAfter: options.closeAfter,
    failsOnMissing: options.onMissing === 'error',
    values: layout.fields.map(() => undefined),
  };
}

function spanOf(duration: bigint): Span {
  const seconds = Number(duration / nanosPerSecond);
  const nanos = Number(duration % nanosPerSecond);
  return { seconds, nanos, inSeconds: seconds + nanos / 1e9 };
}
