import { defineUdf, option, type Point, UdfError } from 'kapacitor-udf';
import { createWindow, mean, oldestTime, push, shift, type Window } from './window.js';

/** A group's state. */
interface Average {
  window: Window;
  /** For a window of time: when the group's first and newest points were; null before there is one. */
  first: bigint | null;
  newest: bigint | null;
}

export default defineUdf({
  name: 'movingAverage',
  doc: 'Averages a field over the last points, or over the last stretch of time, of its group.',
  wants: 'stream',
  provides: 'stream',
  options: {
    field: option.field({ required: true, doc: 'Numeric field to average.' }),
    size: option.int({ min: 1, doc: 'Points in the window.' }),
    period: option.duration({ min: '1ns', doc: 'Length of the window in time.' }),
    as: option.field({ default: 'avg', doc: 'Name of the field that holds the average.' }),
    keep: option.bool({ default: false, doc: 'Keep the other fields; else only the average is emitted.' }),
    emitPartial: option.bool({ default: true, doc: 'Emit averages of windows that are not full yet.' }),
    onMissing: option.string({
      oneOf: ['skip', 'error'],
      default: 'skip',
      doc: 'When a point has no number in the field: leave it out, or fail.',
    }),
  },
  check({ size, period }) {
    if (size === undefined && period === undefined) return ['one of .size() or .period() is required'];
    if (size !== undefined && period !== undefined) return ['.size() and .period() exclude each other'];
    return [];
  },
  prepare: ({ field, size, period, as, keep, emitPartial, onMissing }) => ({
    field,
    size: size ?? Infinity,
    period,
    as,
    keep,
    emitPartial,
    failOnMissing: onMissing === 'error',
    // One object for all points, of a double from the start: to make one whose key is not known before takes as long as
    // the mean itself.
    emitted: { [as]: NaN },
  }),
  state: ({ period }) => createAverage(period !== undefined),
  point(point, context) {
    const { prepared } = context;
    const { period } = prepared;
    const average = averageFor(period !== undefined, context);
    const time = period === undefined ? 0n : point.time;
    if (period !== undefined && average.newest !== null && time < average.newest) {
      context.count('late');
      return;
    }

    const value = point.number(prepared.field);
    if (value === undefined) {
      if (prepared.failOnMissing) throw missingField(point, prepared.field);
      context.count('missing');
      return;
    }

    const { window } = average;
    push(window, value, time);
    let full: boolean;
    if (period === undefined) {
      while (window.count > prepared.size) shift(window);
      full = window.count === prepared.size;
    } else {
      average.newest = time;
      average.first ??= time;
      const end = time - period;
      while (oldestTime(window) <= end) shift(window);
      full = average.first <= end;
    }
    if (!full && !prepared.emitPartial) return;

    const result = mean(window);
    const { emitted } = prepared;
    emitted[prepared.as] = result;
    context.emit(prepared.keep ? point.withFields(emitted) : point.replaceFields(emitted));
  },
});

function createAverage(timed: boolean): Average {
  return { window: createWindow(timed), first: null, newest: null };
}

/** The group's state; a new one if it was restored from a snapshot of the other kind of window. */
function averageFor(timed: boolean, context: { state: Average }): Average {
  if ((context.state.window.times !== null) !== timed) context.state = createAverage(timed);
  return context.state;
}

function missingField(point: Point, field: string): UdfError {
  return new UdfError(
    'handler',
    `the point at ${point.time} (group "${point.group}") has no number in the field "${field}"`,
  );
}
