import { advanceClock, type FieldValue, type Point, UdfError } from 'kapacitor-udf';
import { addPart, addWhole } from './accumulate.js';
import type { Bounds } from './calendar.js';
import { forgetAhead, forgetOld, hasCurrent, lastClosed, makeCurrent, otherAt } from './periods.js';
import { encodeHead, type EncodedHead } from './head.js';
import type { Span, TotalsContext } from './prepare.js';
import type { GroupState, Period } from './state.js';

/** An instant: seconds since the epoch, and nanoseconds. */
export interface Instant {
  readonly second: number;
  readonly nanos: number;
}

/** Whether a point is older than the newest of its group. */
export function isOlder({ seconds, nanos }: GroupState, point: Point): boolean {
  return (
    seconds !== null && (point.seconds < seconds || (point.seconds === seconds && point.nanoseconds < nanos))
  );
}

/**
 * Adds the values of a point to its period, or periods, whichever they are: closes periods that it shows to be over, and
 * emits closed ones that it corrects. Returns false if it is too late.
 */
export function place(point: Point, begin: Instant, context: TotalsContext): boolean {
  const { state, prepared } = context;
  const bounds = prepared.calendar.periodAt(begin.second);
  if (state.stream === '') Object.assign(state, headOf(point, context));
  if (state.seconds === null) {
    makeCurrent(state, bounds.start, () => prepared.layout.create(bounds.start, bounds.end));
  } else if (bounds.start >= state.end) moveTo(bounds, begin.second, point.group, context);
  else if (bounds.end <= state.start && !mayBeLate(point, begin, bounds, context)) return false;

  const corrected = prepared.isSplit
    ? addParts(begin, bounds, prepared.interval!, context) // `.split()` needs `.interval()`
    : addTo(periodFor(bounds, context), begin, context);
  emitCorrected(corrected, point.group, context);
  return true;
}

/** Emits closed periods that have changed. */
export function emitCorrected(
  periods: readonly Period[],
  group: string,
  { state, prepared, emit }: TotalsContext,
): void {
  for (const period of periods) {
    emit(prepared.totals.whole(period, state, group));
    period.revision++;
  }
}

/** Closes all periods before this one, and makes it the current. */
function moveTo(bounds: Bounds, second: number, group: string, context: TotalsContext): void {
  const { state, prepared, emit } = context;
  const between =
    state.others?.filter(
      ({ start, end, revision }) => start >= state.end && end <= bounds.start && revision === 0,
    ) ?? [];
  for (const period of hasCurrent(state) ? [state, ...between] : between) {
    emit(prepared.totals.whole(period, state, group));
    period.revision++;
  }
  makeCurrent(state, bounds.start, () => prepared.layout.create(bounds.start, bounds.end));
  forgetOld(state, second, prepared.keep);
  if (state.closing !== undefined) state.closing = undefined;
}

/** The second at which the newest interval of the group begins. */
export function newestSecond({ seconds, nanos }: GroupState, shift: Span): number {
  return seconds! - shift.seconds - (nanos < shift.nanos ? 1 : 0); // asked for once a point has come
}

/** Whether a closed period takes late intervals. */
function isKept({ end }: Bounds, { state, prepared: { keep, shift } }: TotalsContext): boolean {
  return end + keep > Math.max(newestSecond(state, shift), state.start);
}

/**
 * Whether a point whose interval begins in a closed period is taken. If not, it is counted; enough of them in a row set the
 * clock back to the last closed period or later, whose totals are complete. With an older one they would be wrong.
 */
function mayBeLate(point: Point, begin: Instant, bounds: Bounds, context: TotalsContext): boolean {
  const { state, prepared, count, log } = context;
  if (isKept(bounds, context)) return true;
  if (
    prepared.isSplit &&
    isKept(prepared.calendar.periodAt(lastSecond(begin, prepared.interval!)), context)
  ) {
    count('late');
    return true; // a part of the interval is not late
  }
  const last = lastClosed(state);
  if (last === undefined || bounds.start < last.start) {
    count('late');
    return false;
  }
  const moved = advanceClock(state, point, context);
  if (moved === 'newest') count('late'); // its period was closed by the clock
  if (moved !== 'reset') return false;
  makeCurrent(state, bounds.start, () => prepared.layout.create(bounds.start, bounds.end));
  const dropped = forgetAhead(state);
  if (dropped > 0) log.warn('periods far ahead of the clock were dropped', { group: point.group, dropped });
  if (state.previous !== undefined) state.previous = undefined;
  if (state.nextPartial !== undefined) state.nextPartial = undefined;
  if (state.closing !== undefined) state.closing = undefined;
  return true;
}

/** The period to add to; `undefined` if it is closed and takes no late intervals. */
export function periodFor(bounds: Bounds, context: TotalsContext): Period | undefined {
  const { state, prepared } = context;
  const { start, end } = bounds;
  if (start === state.start && hasCurrent(state)) return state;
  if (end <= state.start && !isKept(bounds, context)) return undefined;
  return otherAt(state, start, () => prepared.layout.create(start, end));
}

function addTo(period: Period | undefined, { second, nanos }: Instant, context: TotalsContext): Period[] {
  if (period === undefined) return [];
  const { state, prepared } = context;
  for (const [index, field] of prepared.layout.fields.entries()) {
    const value = prepared.values[index];
    if (value !== undefined) addWhole(period, field, value, second, nanos);
  }
  return isClosed(period, state) ? [period] : [];
}

export function isClosed({ end }: Period, { start }: GroupState): boolean {
  return end <= start;
}

/** Adds to each period the part of the interval that is in it. Returns those that were closed. */
function addParts(begin: Instant, first: Bounds, interval: Span, context: TotalsContext): Period[] {
  const { state, prepared } = context;
  const end = endOf(begin, interval);
  const corrected: Period[] = [];
  for (let bounds = first; ; bounds = prepared.calendar.periodAt(bounds.end)) {
    const isLast = end.second < bounds.end || (end.second === bounds.end && end.nanos === 0);
    const begins = bounds === first;
    const period = periodFor(bounds, context);
    if (period !== undefined) {
      if (begins && isLast) return [...corrected, ...addTo(period, begin, context)];
      const from = begins ? begin : { second: bounds.start, nanos: 0 };
      const to = isLast ? end : { second: bounds.end, nanos: 0 };
      const part = { fraction: secondsBetween(from, to) / interval.inSeconds, begins };
      for (const [index, field] of prepared.layout.fields.entries()) {
        const value: FieldValue | undefined = prepared.values[index];
        if (value !== undefined) addPart(period, field, value, begin.second, begin.nanos, part);
      }
      if (isClosed(period, state)) corrected.push(period);
    }
    if (isLast) return corrected;
  }
}

function endOf({ second, nanos }: Instant, interval: Span): Instant {
  const sum = nanos + interval.nanos;
  return sum < 1e9
    ? { second: second + interval.seconds, nanos: sum }
    : { second: second + interval.seconds + 1, nanos: sum - 1e9 };
}

/** The last second that an interval has a part of. */
function lastSecond(begin: Instant, interval: Span): number {
  const { second, nanos } = endOf(begin, interval);
  return nanos === 0 ? second - 1 : second;
}

export function secondsBetween(from: Instant, to: Instant): number {
  return to.second - from.second + (to.nanos - from.nanos) / 1e9;
}

/** What new points of the group need. Throws `handler` if a tag of the totals is one that the stream is grouped by. */
function headOf(point: Point, { options }: TotalsContext): EncodedHead {
  const { dimensions } = point;
  for (const name of ['periodTag', 'zoneTag'] as const) {
    if (!dimensions.includes(options[name])) continue;
    throw new UdfError(
      'handler',
      `the stream is grouped by the tag "${options[name]}", which the totals would overwrite; ` +
        `give theirs another name by .${name}()`,
    );
  }
  return encodeHead(point);
}
