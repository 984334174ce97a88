import { advanceClock, type Context, defineUdf, type Point } from 'kapacitor-udf';
import { createDescription } from './change.js';
import { type Options, options, problemsOf } from './options.js';
import { type GroupState, isGroupState, newGroup } from './state.js';
import { createFilter } from './transitions.js';
import { createWatch, type Reading } from './watch.js';

/** Computed once from the options. */
type Prepared = ReturnType<typeof prepare>;
type EdgeContext = Context<Options, Prepared, GroupState, Point>;

export default defineUdf({
  name: 'edgeDetect',
  doc: "Emits a point only when the watched field's value changes within its group.",
  wants: 'stream',
  provides: 'stream',
  options,
  stateIndependentOf: [
    'as',
    'previousAs',
    'durationAs',
    'unit',
    'countAs',
    'emitFirst',
    'from',
    'to',
    'hold',
    'every',
    'late',
    'maxLatePoints',
    'maxLateTime',
  ],
  check: problemsOf,
  prepare,
  state: newGroup,
  isState: isGroupState,
  point(point, context) {
    const { state, prepared } = context;
    const { watch } = prepared;
    if (prepared.dropLate) {
      const moved = advanceClock(state, point, context);
      if (moved === 'late') return;
      if (moved === 'reset') resetTimes(state, point.time);
    }
    const { value: current, pending } = state;
    const value = watch.read(point, pending === undefined ? current : pending.value);
    if (value === undefined) {
      context.count('missing');
      return;
    }
    // Fast path for nearly every point: comparing the values here avoids a call.
    if (value === current || (current !== undefined && watch.same(value, current))) {
      goOn(point, value, context);
    } else if (prepared.hold === undefined || watch.values(current) === undefined) {
      change(point, value, point.time, 1, context);
    } else {
      hold(point, value, prepared.hold, context);
    }
  },
});

function prepare(given: Options) {
  const watch = createWatch(given);
  return {
    watch,
    wanted: createFilter(given, watch),
    describe: createDescription(given, watch),
    emitFirst: given.emitFirst,
    hold: given.hold,
    every: given.every,
    dropLate: given.late === 'drop',
  };
}

/** Resets times in the future, which came from a wrong clock. */
function resetTimes(state: GroupState, time: bigint): void {
  if (state.since > time) state.since = time;
  if (state.emitted !== undefined && state.emitted !== null && state.emitted > time) state.emitted = time;
  if (state.pending !== undefined && state.pending.since > time) dropPending(state);
}

/** Continues the state. A pending state did not hold; its points count towards this one. */
function goOn(point: Point, value: Reading, { state, prepared, emit }: EdgeContext): void {
  dropPending(state);
  state.count++;
  const { every } = prepared;
  if (every === undefined) return;
  const { time } = point;
  const { emitted = state.since } = state; // absent if restored from a use without `.every()`
  if (emitted === null || time - emitted < every) return;
  state.emitted = time;
  state.value = value; // the deadband starts from the emitted value
  emit(prepared.describe(point, value, undefined));
}

/** Accepts a new state once it was shown for long enough without interruption. */
function hold(point: Point, value: Reading, least: bigint, context: EdgeContext): void {
  const { state, prepared } = context;
  const { time } = point;
  if (state.pending === undefined || !prepared.watch.same(value, state.pending.value)) {
    dropPending(state);
    state.pending = { value, since: time, count: 0 };
  }
  const { pending } = state;
  pending.count++;
  if (time - pending.since >= least) change(point, value, pending.since, pending.count, context);
}

function dropPending(state: GroupState): void {
  if (state.pending === undefined) return;
  state.count += state.pending.count;
  state.pending = undefined;
}

/** Ends the state; its successor began at `since`, `count` points ago. */
function change(point: Point, value: Reading, since: bigint, count: number, context: EdgeContext): void {
  const { state, prepared, emit } = context;
  const { value: old } = state;
  const ended =
    prepared.watch.values(old) === undefined
      ? undefined
      : { value: old!, lasted: since - state.since, points: state.count };
  const wanted = prepared.wanted(old, value);
  state.value = value;
  state.since = since;
  state.count = count;
  if (state.pending !== undefined) state.pending = undefined;
  if (prepared.every !== undefined) state.emitted = wanted ? since : null;
  if (!wanted || (!ended && !prepared.emitFirst)) return;
  const described = prepared.describe(point, value, ended);
  emit(since === point.time ? described : described.withTime(since));
}
