import type { Point } from 'kapacitor-udf';
import { addArea } from './accumulate.js';
import { none } from './layout.js';
import { hasCurrent } from './periods.js';
import { type Instant, isClosed, periodFor, secondsBetween } from './place.js';
import type { TotalsContext } from './prepare.js';
import type { Period } from './state.js';

/**
 * Integrates each field from its last point to this one, along a straight line that is divided at boundaries: the trapezoidal
 * rule. Returns the closed periods that this changes. A point that is older than the last one counts as `outOfOrder`.
 */
export function addAreas(point: Point, maxGap: number, context: TotalsContext): Period[] {
  const { state, prepared, count } = context;
  const { layout, values } = prepared;
  const previous = (state.previous ??= new Array<number>(layout.previousCells).fill(NaN));
  const changed = new Set<Period>();
  const to = { second: point.seconds, nanos: point.nanoseconds };
  for (const [index, field] of layout.fields.entries()) {
    const at = field.previous;
    if (at === none || values[index] === undefined) continue;
    const value = Number(values[index]);
    const from = { second: previous[at]!, nanos: previous[at + 1]! };
    const seconds = secondsBetween(from, to); // NaN for the first one
    if (seconds <= 0) {
      if (seconds < 0) count('outOfOrder');
      continue;
    }
    if (seconds <= maxGap) {
      const line = { from, to, seconds, first: previous[at + 2]!, last: value };
      const add = (period: Period, size: number, length: number): void => {
        addArea(period, field, size, length);
        if (isClosed(period, state)) changed.add(period);
      };
      if (hasCurrent(state) && from.second >= state.start && to.second < state.end) {
        add(state, (seconds * (line.first + value)) / 2, seconds);
      } else divide(line, context, add);
    }
    previous[at] = to.second;
    previous[at + 1] = to.nanos;
    previous[at + 2] = value;
  }
  return [...changed];
}

interface Line {
  readonly from: Instant;
  readonly to: Instant;
  readonly seconds: number;
  readonly first: number;
  readonly last: number;
}

/** Adds the area under a line to the periods that it passes. */
function divide(
  { from, to, seconds, first, last }: Line,
  context: TotalsContext,
  add: (period: Period, size: number, length: number) => void,
): void {
  const { calendar } = context.prepared;
  const valueAt = (after: number): number => first + (last - first) * (after / seconds);
  let passed = 0;
  for (let bounds = calendar.periodAt(from.second); ; bounds = calendar.periodAt(bounds.end)) {
    const isLast = to.second < bounds.end || (to.second === bounds.end && to.nanos === 0);
    const until = isLast ? seconds : secondsBetween(from, { second: bounds.end, nanos: 0 });
    const period = periodFor(bounds, context);
    if (period !== undefined) {
      add(period, ((valueAt(passed) + valueAt(until)) / 2) * (until - passed), until - passed);
    }
    if (isLast) return;
    passed = until;
  }
}
