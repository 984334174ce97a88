import type { EdgeContext } from './prepare.js';
import { change, repeat } from './states.js';

// `.hold()` and `.every()` where they go by the time of day.

/** Sets the timers of a group for what it waits for. To be called after each point and timer. */
export function schedule({ state, prepared, timers }: EdgeContext): void {
  const { hold, every } = prepared;
  const { pending, emitted = state.since } = state; // absent if restored from a use without `.every()`
  if (hold !== undefined) {
    if (pending === undefined) timers.cancel('hold');
    else setAt('hold', (pending.began ?? pending.since) + hold, timers);
  }
  if (every !== undefined) {
    if (emitted === null) timers.cancel('every');
    else if (pending === undefined) setAt('every', emitted + every, timers);
  }
}

function setAt(name: string, at: bigint, timers: EdgeContext['timers']): void {
  if (timers.get(name) !== at) timers.set(name, { at, clock: 'wall' });
}

// What is due at the same time comes in this order: the end of an interval, silence, hold, every.

/** Accepts the pending state: it has held. A group that is silent waits for its return. */
export function holdIsOver(time: bigint, context: EdgeContext): void {
  const { state, prepared, timers } = context;
  const { pending, last } = state;
  if (pending === undefined || last === undefined || isSilent(time, context)) return;
  if (timers.get('totals') === time) prepared.totals?.credit(time, state);
  const { value, since, count, began } = pending;
  change(last, value, since, count, context, began);
  schedule(context);
}

/** Emits the group's last point again. A pending state, or silence, puts that off to the next point. */
export function everyIsOver(time: bigint, context: EdgeContext): void {
  const { state, prepared, now } = context;
  const { value, last, pending, emitted } = state;
  if (prepared.every === undefined || emitted === null || value === undefined || last === undefined) return;
  if (pending !== undefined || isSilent(time, context)) return;
  state.emitted = now();
  repeat(last.withTime(state.emitted), value, context);
  schedule(context);
}

/** Whether a group is silent at `time`, although the timer that says so may not have fired yet. */
function isSilent(time: bigint, { state, timers }: EdgeContext): boolean {
  const due = timers.get('silence');
  return state.silent === true || (due !== undefined && due <= time);
}
