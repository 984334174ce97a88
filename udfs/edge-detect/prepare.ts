import type { Context, Point } from 'kapacitor-udf';
import { createDescription, type Describe } from './change.js';
import type { Options } from './options.js';
import type { GroupState } from './state.js';
import { createTotals, type Totals } from './totals.js';
import { createFilter, type Wanted } from './transitions.js';
import { createWatch, type Watch } from './watch.js';

/** Computed once from the options. */
export interface Prepared {
  readonly watch: Watch;
  readonly wanted: Wanted;
  readonly describe: Describe;
  readonly emitFirst: boolean;
  readonly marksNew: boolean;
  readonly hold: bigint | undefined;
  readonly every: bigint | undefined;
  readonly dropLate: boolean;
  /** Whether `hold`, `every`, `silentAfter` and `totalsEvery` go by the time of day. */
  readonly isWall: boolean;
  readonly silentAfter: bigint | undefined;
  readonly totals: Totals | undefined;
  /** Whether something must be done after each point: timers to set. */
  readonly hasTimers: boolean;
  /** Whether a group's last point is kept, to be emitted again when no point comes. */
  readonly keepsLast: boolean;
}

export type EdgeContext = Context<Options, Prepared, GroupState, Point>;

export function prepare(given: Options): Prepared {
  const { emitFirst, newAs, hold, every, late, clock, silentAfter } = given;
  const watch = createWatch(given);
  const isWall = clock === 'wall';
  const totals = createTotals(given, watch);
  return {
    watch,
    wanted: createFilter(given, watch),
    describe: createDescription(given, watch),
    emitFirst,
    marksNew: newAs !== undefined,
    hold,
    every,
    dropLate: late === 'drop',
    isWall,
    silentAfter,
    totals,
    hasTimers: isWall || silentAfter !== undefined || totals !== undefined,
    keepsLast: silentAfter !== undefined || (isWall && (hold !== undefined || every !== undefined)),
  };
}

/** The time of a point, by the clock of the use. */
export function timeOf(point: Point, { prepared, now }: EdgeContext): bigint {
  return prepared.isWall ? now() : point.time;
}
