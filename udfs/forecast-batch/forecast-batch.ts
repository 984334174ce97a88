import { type Batch, defineUdf } from 'kapacitor-udf';
import { forecastOptions, forecastProblems, type ForecastOptions } from '../shared/forecasting/options.js';
import {
  type Forecasting,
  type History,
  missingField,
  numberOf,
  prepareForecasting,
  requireOwnTag,
} from '../shared/forecasting/prepare.js';
import { inTurn } from '../shared/forecasting/turns.js';

export default defineUdf({
  name: 'forecastBatch',
  doc: 'Forecasts the series in each batch at several horizons, with intervals.',
  wants: 'batch',
  provides: 'batch',
  options: forecastOptions,
  check: forecastProblems,
  prepare: prepareForecasting,
  concurrency: 8,
  async batch(batch, { options, prepared, count, signal }) {
    requireOwnTag(options.horizonTag, Object.keys(batch.tags));
    const history = historyOf(batch, options, prepared, count);
    if (history === undefined || !isLongEnough(history, prepared)) {
      count('tooShort');
      return batch.withPoints([]);
    }
    const items = await inTurn(prepared.forecast(history), signal);
    return batch.withPoints(
      items.map(({ time, tags, fields }) => ({ time, tags: { ...batch.tags, ...tags }, fields })),
    );
  },
});

function isLongEnough({ values }: History, prepared: Forecasting): boolean {
  let known = 0;
  for (const value of values) if (!Number.isNaN(value)) known++;
  return prepared.isLongEnough(values.length, known);
}

/** The values of a batch's points by interval, up to the newest: the mean where an interval has several. */
function historyOf(
  { points, group }: Batch,
  { field, onMissing }: ForecastOptions,
  { interval, window }: Forecasting,
  count: (counter: string) => void,
): History | undefined {
  const found: { readonly number: number; readonly value: number }[] = [];
  let newest = -Infinity;
  let oldest = Infinity;
  for (const point of points) {
    const value = numberOf(point.field(field));
    if (value === undefined) {
      if (onMissing === 'error') throw missingField(`a point at ${point.time} (group "${group}")`, field);
      count('missing');
      continue;
    }
    const number = Math.floor(point.seconds / interval);
    newest = Math.max(newest, number);
    oldest = Math.min(oldest, number);
    found.push({ number, value });
  }
  if (found.length === 0) return undefined;
  const first = Math.max(oldest, newest - window + 1);
  const values = new Float64Array(newest - first + 1);
  const counts = new Uint32Array(values.length);
  for (const { number, value } of found) {
    if (number < first) continue;
    values[number - first]! += value;
    counts[number - first]!++;
  }
  for (let at = 0; at < values.length; at++) values[at]! /= counts[at]!; // NaN where there is none
  return trimmed({ first, values });
}

/** Without missing values at the start, which the window has cut off from what came before. */
function trimmed({ first, values }: History): History {
  const start = values.findIndex((value) => !Number.isNaN(value));
  return { first: first + start, values: values.subarray(start) };
}
