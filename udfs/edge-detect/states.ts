import type { Point } from 'kapacitor-udf';
import { type EdgeContext, timeOf } from './prepare.js';
import type { GroupState } from './state.js';
import type { Reading } from './watch.js';

// How a group's states follow each other. Each function that takes a point returns whether it emitted the point.

/** Continues the state. A pending state did not hold; its points count towards this one. */
export function goOn(point: Point, value: Reading, context: EdgeContext): boolean {
  const { state, prepared } = context;
  dropPending(state);
  state.count++;
  const { every } = prepared;
  if (every === undefined) return false;
  const { emitted = state.since } = state; // absent if restored from a use without `.every()`
  if (emitted === null) return false;
  const time = timeOf(point, context);
  if (time - emitted < every) return false;
  state.emitted = time;
  repeat(point, value, context);
  return true;
}

/** Emits a point that shows the state that there is. */
export function repeat(point: Point, value: Reading, { state, prepared, emit }: EdgeContext): void {
  state.value = value; // the deadband starts from the emitted value
  emit(prepared.describe(point, value, undefined));
}

/** Accepts a new state once it was shown for long enough without interruption. */
export function hold(point: Point, value: Reading, least: bigint, context: EdgeContext): boolean {
  const { state, prepared } = context;
  const time = timeOf(point, context);
  if (state.pending === undefined || !prepared.watch.same(value, state.pending.value)) {
    dropPending(state);
    state.pending = { value, since: point.time, count: 0 };
    if (prepared.isWall) state.pending.began = time;
  }
  const { pending } = state;
  pending.count++;
  const { since, began = since } = pending;
  return time - began >= least && change(point, value, since, pending.count, context, began);
}

function dropPending(state: GroupState): void {
  if (state.pending === undefined) return;
  state.count += state.pending.count;
  state.pending = undefined;
}

/**
 * Ends the state; its successor began at `since`, `count` points ago. `began` is the same time by the clock of the use, the
 * time of the point if not given.
 */
export function change(
  point: Point,
  value: Reading,
  since: bigint,
  count: number,
  context: EdgeContext,
  began?: bigint,
): boolean {
  const { state, prepared, emit } = context;
  const { value: old } = state;
  const ended =
    prepared.watch.values(old) === undefined
      ? undefined
      : { value: old!, lasted: since - state.since, points: state.count };
  const wanted = prepared.wanted(old, value);
  if (prepared.totals !== undefined) prepared.totals.credit(began ?? timeOf(point, context), state);
  state.value = value;
  state.since = since;
  state.count = count;
  if (state.pending !== undefined) state.pending = undefined;
  if (prepared.every !== undefined) {
    state.emitted = wanted ? (prepared.isWall ? context.now() : since) : null;
  }
  const isNew = prepared.marksNew && old === undefined;
  if (!isNew && (!wanted || (!ended && !prepared.emitFirst))) return false;
  const described = prepared.describe(point, value, ended, isNew ? 'new' : undefined);
  emit(since === point.time ? described : described.withTime(since));
  return true;
}

/** Resets times in the future, which came from a wrong clock. */
export function resetTimes(time: bigint, context: EdgeContext): void {
  const { state, prepared } = context;
  if (state.since > time) state.since = time;
  if (state.pending !== undefined && state.pending.since > time) dropPending(state);
  if (prepared.isWall) return;
  if (state.emitted !== undefined && state.emitted !== null && state.emitted > time) state.emitted = time;
  prepared.totals?.reset(time, context);
}
