import { formatDuration, option, type OptionValues, parseDuration } from 'kapacitor-udf';
import { zoneProblem } from '../zone-names.js';
import { methodNames } from './forecaster.js';

/** The options that the forms for streams and batches share. */
export const forecastOptions = {
  field: option.field({ required: true, doc: 'Numeric field to forecast.' }),
  interval: option.duration({
    default: '1h',
    min: '1s',
    max: '1d',
    doc: 'The time from one value of the series to the next; a day must be a multiple of it.',
  }),
  horizon: option.duration({
    min: '1s',
    repeatable: true,
    doc: 'How far ahead to forecast, a multiple of interval: 1h, 6h, 24h and 48h if not called.',
  }),
  window: option.duration({ default: '12w', doc: 'The history that forecasts are made from.' }),
  minHistory: option.duration({
    default: '2w',
    min: '2d',
    doc: 'No forecasts before the history spans this time, with values in half of its intervals.',
  }),
  zone: option.string({ default: 'UTC', doc: "IANA time zone of days and weeks, as 'Europe/Berlin'." }),
  method: option.string({
    oneOf: methodNames,
    repeatable: true,
    doc: 'Methods to choose from: all if not called. With smoothing and regression, also their blend.',
  }),
  onMissing: option.string({
    oneOf: ['skip', 'error'],
    default: 'skip',
    doc: 'When a point has no number in the field: leave it out, or fail.',
  }),
  as: option.field({ default: 'forecast', doc: 'Field that gets the forecast.' }),
  lower80As: option.field({
    default: 'lower80',
    doc: 'Field that gets the lower bound of the 80 % interval.',
  }),
  upper80As: option.field({
    default: 'upper80',
    doc: 'Field that gets the upper bound of the 80 % interval.',
  }),
  lower95As: option.field({
    default: 'lower95',
    doc: 'Field that gets the lower bound of the 95 % interval.',
  }),
  upper95As: option.field({
    default: 'upper95',
    doc: 'Field that gets the upper bound of the 95 % interval.',
  }),
  errorAs: option.field({
    default: 'error',
    doc: 'Field that gets the mean absolute error of the method in the back-test.',
  }),
  methodAs: option.field({ default: 'method', doc: 'Field that gets the name of the method.' }),
  horizonTag: option.tag({ default: 'horizon', doc: "Tag that gets the horizon, as '6h' or '2d'." }),
};

export type ForecastOptions = OptionValues<typeof forecastOptions>;

/** Options that the history does not depend on. */
export const outputOptions = [
  'horizon',
  'minHistory',
  'method',
  'onMissing',
  'as',
  'lower80As',
  'upper80As',
  'lower95As',
  'upper95As',
  'errorAs',
  'methodAs',
  'horizonTag',
] as const;

const nanosPerSecond = 1_000_000_000n;
const day = 86_400n * nanosPerSecond;
const maxIntervals = 20_000n;

/** The horizons that are asked for, each once, in nanoseconds. */
export function horizonsOf({ horizon }: ForecastOptions): bigint[] {
  return horizon.length === 0 ? ['1h', '6h', '24h', '48h'].map(parseDuration) : [...new Set(horizon)];
}

/** Returns problems of the combination of options. */
export function forecastProblems(options: ForecastOptions): string[] {
  const { interval, window, minHistory, zone } = options;
  const problems: string[] = [];
  const unknownZone = zoneProblem(zone);
  if (unknownZone !== undefined) problems.push(`.zone(): ${unknownZone}`);
  if (interval % nanosPerSecond !== 0n || day % interval !== 0n) {
    problems.push(`.interval() must be whole seconds that divide a day, got ${formatDuration(interval)}`);
  } else {
    for (const horizon of horizonsOf(options)) {
      if (horizon % interval === 0n && horizon <= minHistory / 2n) continue;
      problems.push(
        `.horizon() must be a multiple of .interval(${formatDuration(interval)}) and at most half of ` +
          `.minHistory(${formatDuration(minHistory)}), got ${formatDuration(horizon)}`,
      );
    }
    if (window / interval > maxIntervals) {
      problems.push(
        `.window() may have at most ${maxIntervals} intervals, which with .interval(${formatDuration(interval)}) is ` +
          `${formatDuration(maxIntervals * interval)}, got ${formatDuration(window)}`,
      );
    }
  }
  if (minHistory > window) {
    problems.push(
      `.minHistory() may be at most .window(${formatDuration(window)}), got ${formatDuration(minHistory)}`,
    );
  }
  const fields = fieldsOf(options);
  for (const name of new Set(fields.filter((field, index) => fields.indexOf(field) !== index))) {
    problems.push(`two options write the field '${name}'`);
  }
  return problems;
}

function fieldsOf(options: ForecastOptions): string[] {
  const { as, lower80As, upper80As, lower95As, upper95As, errorAs, methodAs } = options;
  return [as, lower80As, upper80As, lower95As, upper95As, errorAs, methodAs];
}
