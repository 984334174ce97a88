import type { Point, TimerContext } from 'kapacitor-udf';
import type { Options } from './options.js';
import { forgetOld, hasCurrent, makeCurrent, setAside } from './periods.js';
import { newestSecond } from './place.js';
import type { Prepared, TotalsContext } from './prepare.js';
import type { GroupState } from './state.js';

/**
 * How the clock closes a period: at its end a timer begins to wait. If no point of the period has come in that time, it is
 * closed, else the timer waits again: so the points of a past period, which are read from a file say, all have time to come.
 */
const isOpen = 0;
const isQuiet = 1;
const isBusy = 2;

const timerName = 'close';
const nanosPerSecond = 1_000_000_000n;
/** The last period that times can be in ends after it. */
const maxTime = 2n ** 63n - 1n;

/** To be called after a point of the current period. */
export function noteForClosing(context: TotalsContext): void {
  const { state } = context;
  if (state.closing === undefined) waitForEnd(context);
  else if (state.closing === isQuiet) state.closing = isBusy;
}

function waitForEnd({ state, timers, now }: TotalsContext): void {
  const end = BigInt(state.end) * nanosPerSecond;
  const present = now();
  const at = end > present ? end : present;
  timers.set(timerName, { at: at < maxTime ? at : maxTime, clock: 'wall' });
  state.closing = isOpen;
}

/** To be called by the definition's `timer`. */
export function closeByClock(context: TimerContext<Options, Prepared, GroupState, Point>): void {
  const { state, prepared, options, timers, group, emit, now } = context;
  if (!hasCurrent(state)) return;
  if (state.closing !== isQuiet) {
    state.closing = isQuiet;
    timers.set(timerName, { after: options.closeAfter!, clock: 'wall' }); // else there are no timers
    return;
  }
  emit(prepared.totals.whole(state, state, group));
  state.revision++;
  setAside(state);
  forgetOld(state, newestSecond(state, prepared.shift), prepared.keep);
  state.closing = undefined;
  // Intervals that reach over the boundary have begun the next one.
  const next = state.others?.find(({ start, revision }) => start >= state.start && revision === 0);
  if (next === undefined || BigInt(next.start) * nanosPerSecond > now()) return;
  makeCurrent(state, next.start, () => next);
  waitForEnd(context);
}
