import { advanceClock, defineUdf, type FieldValue, type Point, UdfError } from 'kapacitor-udf';
import { addWhole } from './accumulate.js';
import { addAreas } from './area.js';
import { closeByClock, noteForClosing } from './closing.js';
import { laterOptions, options, problemsOf } from './options.js';
import { hasCurrent } from './periods.js';
import { emitCorrected, isOlder, place } from './place.js';
import { prepare, type Prepared, type TotalsContext } from './prepare.js';
import { fromVersion1, type GroupState, isGroupState, newGroup, type Period } from './state.js';

export default defineUdf({
  name: 'calendarTotals',
  doc: 'Totals and other aggregates by hour, day, week, month, quarter or year in a time zone.',
  wants: 'stream',
  provides: 'stream',
  options,
  stateIndependentOf: laterOptions,
  onlyWith: { timer: ['closeAfter'] },
  check: problemsOf,
  prepare,
  state: newGroup,
  version: 2,
  migrate: fromVersion1,
  isState: isGroupState,
  point(point, context) {
    const { state, prepared } = context;
    const { shift, values } = prepared;
    if (!readValues(point, context)) return;
    let second = point.seconds - shift.seconds;
    let nanos = point.nanoseconds - shift.nanos;
    if (nanos < 0) {
      nanos += 1e9;
      second--;
    }
    const corrected = prepared.maxGap === undefined ? none : addAreas(point, prepared.maxGap, context);
    let isTaken = true;
    // Fast path for nearly every point.
    if (second >= state.start && second + prepared.room <= state.end) {
      const { fields } = prepared.layout;
      for (let index = 0; index < fields.length; index++) {
        const value = values[index];
        if (value !== undefined) addWhole(state, fields[index]!, value, second, nanos);
      }
    } else isTaken = place(point, { second, nanos }, context);
    if (corrected.length > 0) emitCorrected(corrected, point.group, context);
    if (!isTaken) return;
    if (!isOlder(state, point)) advanceClock(state, point, context);
    if (second < state.start) return;
    if (prepared.every !== undefined) emitPartial(point, prepared.every, context);
    if (prepared.closeAfter !== undefined) noteForClosing(context);
  },
  timer: (_timer, context) => {
    closeByClock(context);
  },
  stop({ state, options: { emitAtStop }, prepared, group }) {
    if (!emitAtStop || state.seconds === null) return [];
    const until = reached(state, prepared);
    const open = (hasCurrent(state) ? [state, ...(state.others ?? [])] : (state.others ?? [])).filter(
      ({ start }) => start >= state.start && start <= until,
    );
    return open.map((period) => prepared.totals.partial(period, state, group, until, until < period.end));
  },
});

const none: readonly Period[] = [];

/** Reads the point's values into `prepared.values`. Returns whether there are any; throws `handler` as `.onMissing()` says. */
function readValues(point: Point, { prepared, count }: TotalsContext): boolean {
  const { layout, values, failsOnMissing } = prepared;
  let found = false;
  for (let index = 0; index < layout.fields.length; index++) {
    const { name, isNumeric } = layout.fields[index]!;
    const value = point.field(name);
    if (isUsable(value, isNumeric)) {
      values[index] = value;
      found = true;
      continue;
    }
    values[index] = undefined;
    if (failsOnMissing) {
      const what = isNumeric ? 'finite number' : 'value';
      const where = `the point at ${point.time} (group "${point.group}")`;
      throw new UdfError('handler', `${where} has no ${what} in the field "${name}"`);
    }
    count('missing');
  }
  return found;
}

/** NaN and infinities are no values: one of them would be all that is left of a total, and InfluxDB refuses it. */
function isUsable(value: FieldValue | undefined, isNumeric: boolean): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  return typeof value === 'bigint' || (value !== undefined && !isNumeric);
}

function emitPartial(point: Point, every: number, { state, prepared, emit }: TotalsContext): void {
  const { seconds } = point;
  if (state.nextPartial !== undefined && seconds < state.nextPartial) return;
  if (state.nextPartial !== undefined) {
    const until = reached(state, prepared);
    emit(prepared.totals.partial(state, state, point.group, until));
  }
  state.nextPartial = (Math.floor(seconds / every) + 1) * every;
}

/** The end of the group's newest interval, in seconds. */
function reached({ seconds, nanos }: GroupState, { reach }: Prepared): number {
  return seconds! + nanos / 1e9 + reach; // asked for once a point has come
}
