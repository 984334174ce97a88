import type { Point } from 'kapacitor-udf';
import { type EdgeContext, timeOf } from './prepare.js';
import { repeat } from './states.js';
import type { Reading } from './watch.js';

/** Waits for the group's next point, and emits this one if it ends a silence and was not emitted. */
export function heard(
  point: Point,
  value: Reading,
  silentAfter: bigint,
  isEmitted: boolean,
  context: EdgeContext,
): void {
  const { state, prepared, timers, emit } = context;
  timers.set('silence', { after: silentAfter, clock: prepared.isWall ? 'wall' : 'connection' });
  if (state.silent !== true) return;
  const time = timeOf(point, context);
  prepared.totals?.credit(time, state); // to no state, as the group is still silent
  state.silent = undefined;
  if (isEmitted) return;
  if (prepared.every !== undefined && state.emitted !== null) state.emitted = time;
  if (state.pending === undefined) repeat(point, value, context);
  else emit(prepared.describe(point, state.value!, undefined)); // there is a state, since another one is pending
}

/** Emits the group's last point again, marked as silent. */
export function fallSilent(time: bigint, context: EdgeContext): void {
  const { state, prepared, emit } = context;
  const { value, last } = state;
  if (prepared.silentAfter === undefined || value === undefined || last === undefined) return;
  prepared.totals?.credit(time, state);
  state.silent = true;
  emit(prepared.describe(last.withTime(time), value, undefined, 'silent'));
}
