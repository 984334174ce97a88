import {
  advanceClock,
  defineUdf,
  type EventClock,
  isEventClock,
  lateOptions,
  option,
  UdfError,
} from 'kapacitor-udf';
import { createWindow, isWindow, mean, oldestTime, push, shift, type Window } from './window.js';

interface Average extends Window {
  /** With `.period()`; `first` is the time of the group's first point. */
  clock?: EventClock & { first: bigint | null };
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
    ...lateOptions,
  },
  stateIndependentOf: [
    'size',
    'period',
    'as',
    'keep',
    'emitPartial',
    'onMissing',
    'maxLatePoints',
    'maxLateTime',
  ],
  check({ size, period }) {
    if (size === undefined && period === undefined) return ['one of .size() or .period() is required'];
    return size === undefined || period === undefined ? [] : ['.size() and .period() exclude each other'];
  },
  prepare: ({ as, size = Infinity, period = 0n }) => ({
    size,
    period,
    // Reused for all points, as allocating one per point costs as much as the mean.
    emitted: { [as]: NaN },
  }),
  state: ({ period }) => newAverage(period !== undefined),
  version: 2,
  migrate() {
    throw new UdfError('snapshot_migration', 'version 1 kept windows in another way');
  },
  isState: isAverage,
  point(point, context) {
    const { options, prepared } = context;
    if ((context.state.clock === undefined) !== (options.period === undefined)) {
      context.state = newAverage(options.period !== undefined); // restored from a use with the other kind of window
    }
    const { state } = context;
    const { clock } = state;
    if (clock !== undefined) {
      const moved = advanceClock(clock, point, context);
      if (moved === 'late') return;
      if (moved === 'reset') {
        Object.assign(state, createWindow(true));
        clock.first = null;
      }
    }
    const value = point.number(options.field);
    if (value === undefined) {
      if (options.onMissing === 'error') {
        const where = `the point at ${point.time} (group "${point.group}")`;
        throw new UdfError('handler', `${where} has no number in the field "${options.field}"`);
      }
      context.count('missing');
      return;
    }

    let isFull: boolean;
    if (clock === undefined) {
      while (state.count >= prepared.size) shift(state);
      push(state, value, prepared.size);
      isFull = state.count === prepared.size;
    } else {
      const end = point.time - prepared.period;
      push(state, value, Infinity, point.time);
      while (oldestTime(state) <= end) shift(state);
      clock.first ??= point.time;
      isFull = clock.first <= end;
    }
    if (!isFull && !options.emitPartial) return;
    prepared.emitted[options.as] = mean(state);
    context.emit(options.keep ? point.withFields(prepared.emitted) : point.replaceFields(prepared.emitted));
  },
});

function newAverage(isTimed: boolean): Average {
  if (!isTimed) return createWindow(false);
  return { ...createWindow(true), clock: { seconds: null, nanos: 0, first: null } };
}

function isAverage(state: unknown): boolean {
  if (typeof state !== 'object' || state === null || !isWindow(state)) return false;
  const { clock } = state as { readonly clock?: unknown };
  if (clock === undefined) return state.times === undefined;
  if (state.times === undefined) return false;
  if (typeof clock !== 'object' || clock === null || !isEventClock(clock)) return false;
  const { first } = clock as { readonly first?: unknown };
  return first === null || typeof first === 'bigint';
}
