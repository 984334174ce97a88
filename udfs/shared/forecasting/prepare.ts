import { formatDuration, type FieldValue, UdfError } from 'kapacitor-udf';
import { type Forecast, forecastAhead, methodNames } from './forecaster.js';
import { LocalClock } from './local-clock.js';
import { type ForecastOptions, horizonsOf } from './options.js';
import { createSeries, type Series } from './series.js';

/** A history as it came: consecutive intervals of UTC. */
export interface History {
  /** The first interval's number since 1970. */
  readonly first: number;
  /** One value an interval; NaN where it is missing. The last one is not. */
  readonly values: Float64Array;
}

/** A forecast to emit. */
export interface ForecastItem {
  /** The start of the interval that is forecast, in nanoseconds. */
  readonly time: bigint;
  readonly tags: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, FieldValue>>;
}

/** Computed once from the options. */
export interface Forecasting {
  /** In seconds. */
  readonly interval: number;
  /** In intervals. */
  readonly window: number;
  /** In intervals. */
  readonly minHistory: number;
  /** Whether a history of this many intervals, of which this many have a value, is enough to forecast from. */
  isLongEnough(intervals: number, known: number): boolean;
  /** Makes the forecasts. Yields about each millisecond. */
  forecast(history: History): Generator<void, ForecastItem[]>;
}

const nanosPerSecond = 1_000_000_000n;
/** The last time of a point, in April 2262. */
const maxTime = 2n ** 63n - 1n;

export function prepareForecasting(options: ForecastOptions): Forecasting {
  const interval = Number(options.interval / nanosPerSecond);
  const intervals = (duration: bigint): number => Number(duration / options.interval);
  const minHistory = intervals(options.minHistory);
  const clock = new LocalClock(options.zone, interval);
  const methods = options.method.length === 0 ? methodNames : options.method;
  const horizons = horizonsOf(options).map((horizon) => ({
    intervals: intervals(horizon),
    tags: { [options.horizonTag]: formatDuration(horizon) },
  }));
  const maxHorizon = Math.max(...horizons.map((horizon) => horizon.intervals));
  return {
    interval,
    window: intervals(options.window),
    minHistory,
    isLongEnough: (length, known) => length >= minHistory && 2 * known >= length,
    *forecast({ first, values }) {
      const origin = values.length - 1;
      const numbers = new Int32Array(values.length + maxHorizon);
      clock.number(first, numbers);
      const series = localSeries(values, numbers, 86_400 / interval);
      const items: ForecastItem[] = [];
      for (const { intervals: horizon, tags } of horizons) {
        const time = BigInt((first + origin + horizon) * interval) * nanosPerSecond;
        if (time > maxTime) continue;
        // By the local clock, a change of it makes the horizon longer or shorter.
        const ahead = Math.max(1, numbers[origin + horizon]! - numbers[origin]!);
        const forecast = yield* forecastAhead(series, ahead, methods);
        if (forecast === undefined) continue;
        items.push({ time, tags, fields: fieldsOf(forecast, options) });
      }
      return items;
    },
  };
}

/**
 * Puts values on the grid of local time. Where the clock was put forward there is a gap; where it was put back, an interval
 * has the mean of both values.
 */
function localSeries(values: Float64Array, numbers: Int32Array, perDay: number): Series {
  const first = numbers[0]!;
  const last = numbers[values.length - 1]!;
  const local = new Float64Array(last - first + 1).fill(NaN);
  for (let at = 0; at < values.length; at++) {
    const value = values[at]!;
    const place = numbers[at]! - first;
    // For an hour after the clock was put back, earlier intervals have higher numbers.
    if (Number.isNaN(value) || place >= local.length) continue;
    const before = local[place]!;
    local[place] = Number.isNaN(before) ? value : (before + value) / 2;
  }
  return createSeries(local, first, perDay);
}

function fieldsOf(forecast: Forecast, options: ForecastOptions): Record<string, FieldValue> {
  const { value, error, method, bounds80, bounds95 } = forecast;
  const fields: Record<string, FieldValue> = { [options.as]: value, [options.methodAs]: method };
  if (error !== undefined) fields[options.errorAs] = error;
  if (bounds80 !== undefined) {
    fields[options.lower80As] = value + bounds80.lower;
    fields[options.upper80As] = value + bounds80.upper;
  }
  if (bounds95 !== undefined) {
    fields[options.lower95As] = value + bounds95.lower;
    fields[options.upper95As] = value + bounds95.upper;
  }
  return fields;
}

/** Max magnitude of a value: differences of two must fit the four bytes that a history has for each. */
const maxMagnitude = 1e38;

/** The number to forecast by; `undefined` for NaN, infinities and larger magnitudes, which are no values. */
export function numberOf(value: FieldValue | undefined): number | undefined {
  if (typeof value === 'bigint') return Number(value);
  return typeof value === 'number' && Math.abs(value) <= maxMagnitude ? value : undefined;
}

export function missingField(where: string, field: string): UdfError {
  return new UdfError('handler', `${where} has no number within ±1e38 in the field "${field}"`);
}

/** Throws `handler` if the tag of the horizon is one of those that the data are grouped by. */
export function requireOwnTag(name: string, dimensions: readonly string[]): void {
  if (!dimensions.includes(name)) return;
  throw new UdfError(
    'handler',
    `the data are grouped by the tag "${name}", which forecasts would overwrite; give theirs another name by .horizonTag()`,
  );
}
