import { advanceClock, defineUdf, type Point } from 'kapacitor-udf';
import { everyIsOver, holdIsOver, schedule } from './by-clock.js';
import { options } from './options.js';
import { type EdgeContext, prepare, timeOf } from './prepare.js';
import { problemsOf } from './problems.js';
import { fallSilent, heard } from './silence.js';
import { isGroupState, newGroup } from './state.js';
import { change, goOn, hold, resetTimes } from './states.js';
import type { Reading } from './watch.js';

export default defineUdf({
  name: 'edgeDetect',
  doc: 'Emits a point only when a watched field or tag changes within its group.',
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
    'clock',
    'silentAfter',
    'silentAs',
    'newAs',
    'totalsEvery',
    'totalAs',
    'stateTag',
    'late',
    'maxLatePoints',
    'maxLateTime',
  ],
  onlyWith: { timer: ['clock', 'silentAfter', 'totalsEvery'], stop: ['totalsEvery'] },
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
      if (moved === 'reset') resetTimes(point.time, context);
    }
    const { value: current, pending } = state;
    const value = watch.read(point, pending === undefined ? current : pending.value);
    if (value === undefined) {
      context.count('missing');
      return;
    }
    let isEmitted: boolean;
    // Fast path for nearly every point: comparing the values here avoids a call.
    if (value === current || (current !== undefined && watch.same(value, current))) {
      isEmitted = goOn(point, value, context);
    } else if (prepared.hold === undefined || watch.values(current) === undefined) {
      isEmitted = change(point, value, point.time, 1, context);
    } else {
      isEmitted = hold(point, value, prepared.hold, context);
    }
    if (prepared.hasTimers) setTimers(point, value, isEmitted, context);
  },
  timer({ name, time }, context) {
    if (name === 'hold') holdIsOver(time, context);
    else if (name === 'every') everyIsOver(time, context);
    else if (name === 'silence') fallSilent(time, context);
    else context.prepared.totals?.endInterval(time, context);
  },
  stop(context) {
    context.prepared.totals?.stop(context);
  },
});

function setTimers(point: Point, value: Reading, isEmitted: boolean, context: EdgeContext): void {
  const { state, prepared } = context;
  const { silentAfter, isWall, keepsLast, totals } = prepared;
  if (keepsLast) state.last = point.detach();
  if (silentAfter !== undefined) heard(point, value, silentAfter, isEmitted, context);
  if (isWall) schedule(context);
  totals?.follow(timeOf(point, context), context);
}
