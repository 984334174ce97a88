import { type Context, createPoint, defineUdf, option, type OptionValues, type Point } from 'kapacitor-udf';
import { forecastOptions, forecastProblems, outputOptions } from '../shared/forecasting/options.js';
import {
  type Forecasting,
  type History,
  missingField,
  numberOf,
  prepareForecasting,
  requireOwnTag,
} from '../shared/forecasting/prepare.js';
import { inTurn } from '../shared/forecasting/turns.js';
import { decodeHead, encodeHead } from '../shared/head.js';
import { type GroupState, historyUntil, isGroupState, newGroup, record, type Recording } from './history.js';

const specs = {
  ...forecastOptions,
  minNew: option.int({ default: 1, min: 1, doc: 'Forecast once so many new intervals have come.' }),
  points: option.string({
    oneOf: ['one', 'many'],
    default: 'one',
    doc: 'Points of an interval: one, which completes it, or many, whose mean counts once the next interval begins.',
  }),
};

/** A point farther ahead of its group counts once another one follows: its clock may be wrong. */
const maxLeadSeconds = 86_400;

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
  isState: isGroupState,
  concurrency: 32,
  point(point, context) {
    const { state, prepared, count } = context;
    const { field, onMissing, minNew, points } = context.options;
    const value = numberOf(point.field(field));
    if (value === undefined) {
      if (onMissing === 'error')
        throw missingField(`the point at ${point.time} (group "${point.group}")`, field);
      count('missing');
      return undefined;
    }
    if (state.head === '') state.head = encodeHead(point);
    const number = Math.floor(point.seconds / prepared.interval);
    const recorded = record(state, number, value, prepared.recording);
    if (recorded === 'late' || recorded === 'ahead') count(recorded);
    if (recorded !== 'new') return undefined;
    const origin = points === 'one' ? state.newest : state.newest - 1;
    if (origin - state.forecast < minNew) return undefined;
    // The first check saves copying the history.
    const history = origin - state.oldest + 1 < prepared.minHistory ? undefined : historyUntil(state, origin);
    if (history === undefined || !prepared.isLongEnough(history)) {
      count('tooShort');
      return undefined;
    }
    state.forecast = origin;
    return forecastFrom(history, point.group, context);
  },
});

async function forecastFrom(
  history: History,
  group: string,
  { state, prepared, options, signal }: Context<Options, Prepared, GroupState, Point>,
): Promise<Point[]> {
  const head = decodeHead(state.head);
  requireOwnTag(options.horizonTag, head.tags);
  const items = await inTurn(prepared.forecast(history), signal);
  return items.map(({ time, tags, fields }) =>
    createPoint({ ...head, group, time, tags: { ...head.tags, ...tags }, fields }),
  );
}
