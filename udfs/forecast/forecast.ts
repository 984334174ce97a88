import { type Context, defineUdf, option, type OptionValues, type Point } from 'kapacitor-udf';
import { forecastOptions, forecastProblems, outputOptions } from '../shared/forecasting/options.js';
import {
  type ForecastItem,
  type Forecasting,
  missingField,
  numberOf,
  prepareForecasting,
  requireOwnTag,
} from '../shared/forecasting/prepare.js';
import {
  extentUntil,
  type GroupState,
  historyOf,
  isGroupState,
  newGroup,
  record,
  type Recording,
} from './history.js';
import { beginJob, nextSlice } from './job.js';

const specs = {
  ...forecastOptions,
  minNew: option.int({ default: 1, min: 1, doc: 'Forecast once this many new intervals have come.' }),
  points: option.string({
    oneOf: ['one', 'many'],
    default: 'one',
    doc: 'Points of an interval: one, which completes it, or many, whose mean counts once the next interval begins.',
  }),
};

/** A point farther ahead of its group counts once another one follows: its clock may be wrong. */
const maxLeadSeconds = 86_400;

/** The timers of a group: its place in the queue of forecasts, and the next slice of the one that is being made. */
const queued = 'queued';
const running = 'running';

type Options = OptionValues<typeof specs>;

interface Prepared extends Forecasting {
  readonly recording: Recording;
}

function problemsOf(given: Options): string[] {
  return forecastProblems(given);
}

function prepare(given: Options): Prepared {
  const forecasting = prepareForecasting(given);
  const { window, interval } = forecasting;
  const maxLead = Math.ceil(maxLeadSeconds / interval);
  return { ...forecasting, recording: { window, maxLead, isMean: given.points === 'many' } };
}

export default defineUdf({
  name: 'forecast',
  doc: 'Forecasts the series of each group at several horizons, with intervals, as new values come.',
  wants: 'stream',
  provides: 'stream',
  options: specs,
  stateIndependentOf: [...outputOptions, 'minNew'],
  check: problemsOf,
  prepare,
  state: newGroup,
  version: 2,
  migrate: withoutHead,
  isState: isGroupState,
  point(point, context) {
    const { state, prepared, count, timers } = context;
    const { field, onMissing, minNew, points, horizonTag } = context.options;
    const value = numberOf(point.field(field));
    if (value === undefined) {
      if (onMissing === 'error')
        throw missingField(`the point at ${point.time} (group "${point.group}")`, field);
      count('missing');
      return;
    }
    const number = Math.floor(point.seconds / prepared.interval);
    const recorded = record(state, number, value, prepared.recording);
    if (recorded === 'older') count('outOfOrder');
    else if (recorded === 'late' || recorded === 'ahead') count(recorded);
    if (recorded !== 'new') return;
    const origin = points === 'one' ? state.newest : state.newest - 1;
    if (origin - state.forecast < minNew) return;
    if (startOfHistory(origin, context) === undefined) {
      count('tooShort');
      return;
    }
    requireOwnTag(horizonTag, point.dimensions);
    state.forecast = origin;
    if (timers.get(queued) !== undefined) count('superseded');
    timers.whenIdle(queued);
  },
  timer({ name }, context) {
    const { state, prepared, count, timers, newPoint } = context;
    if (name === queued) {
      const first = startOfHistory(state.forecast, context);
      if (first === undefined) {
        count('tooShort');
        return undefined;
      }
      state.job = beginJob(historyOf(state, first, state.forecast));
    }
    const { job } = state;
    if (job === undefined) return undefined;
    state.job = undefined; // unless it goes on: not if it throws
    const items = nextSlice(job, prepared);
    if (items !== undefined) return items.map(({ fields, ...item }: ForecastItem) => newPoint(fields, item));
    state.job = job;
    timers.whenIdle(running);
    return undefined;
  },
});

/** The first interval of the history up to another one, if it is enough to forecast from. */
function startOfHistory(
  origin: number,
  { state, prepared }: Context<Options, Prepared, GroupState, Point>,
): number | undefined {
  if (origin - state.oldest + 1 < prepared.minHistory) return undefined; // saves looking at each
  const extent = extentUntil(state, origin);
  if (extent === undefined) return undefined;
  const { first, known } = extent;
  return prepared.isLongEnough(origin - first + 1, known) ? first : undefined;
}

/** Version 1 kept what is shared by the points of a group, which is part of its timers now. */
function withoutHead(old: unknown): GroupState {
  const state = { ...(old as GroupState & { head?: unknown }) }; // checked by isState
  delete state.head;
  return state;
}
