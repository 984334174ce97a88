import Table from 'cli-table3';
import { UdfError } from '../../model/errors.js';
import type { DemoHost } from '../demo-host.js';
import { sparkline } from '../average.js';
import { buildingZone } from './building.js';
import { dayAndTime, localTime, runOnBatch, secondsOf } from './run-udf.js';
import type { Total } from './totals.js';

/** The forecast of one hour's mean load, in kW. */
export interface HourForecast {
  /** Start of the hour, seconds since the epoch. */
  readonly start: number;
  /** Hours ahead. */
  readonly horizon: number;
  readonly kw: number;
  /** Lower and upper bounds; undefined if the back-test has too few errors for them. */
  readonly interval80: Interval | undefined;
  readonly interval95: Interval | undefined;
  readonly method: string;
  /** Mean absolute error of the method in the back-test. */
  readonly error: number;
}

type Interval = readonly [lower: number, upper: number];

export interface Forecast {
  readonly hours: readonly HourForecast[];
  /** What was measured before. */
  readonly history: readonly Total[];
}

/** How the forecast did, by what was measured later. */
export interface Outcome {
  readonly measured: readonly Total[];
  /** Mean absolute error, in kW. */
  readonly error: number;
  readonly within80: number;
  readonly within95: number;
}

const maxHours = 48;
const shownHorizons = [1, 6, 12, 24, 36, 48];
const options = `.field('kw').interval(1h).zone('${buildingZone}')`;
const horizons = Array.from({ length: maxHours }, (_, index) => `.horizon(${index + 1}h)`).join('');

export const forecastCall = `@forecastBatch()${options}.horizon(1h) … .horizon(${maxHours}h)`;

/** Forecasts each of the next 48 hours from the totals of the hours before, by `forecastBatch`. */
export async function forecastLoad(host: DemoHost, history: readonly Total[]): Promise<Forecast> {
  const last = history.at(-1);
  if (!last) throw new UdfError('internal', 'there are no totals of hours to forecast from');
  const nanoseconds = (seconds: number): bigint => BigInt(seconds) * 1_000_000_000n;
  const [batch] = await runOnBatch(host, 'forecastBatch', options + horizons, {
    name: 'load',
    group: 'usage_point=office',
    tags: { usage_point: 'office' },
    time: nanoseconds(last.start),
    points: history.map(({ start, kWh }) => ({ time: nanoseconds(start), fields: { kw: kWh } })),
  });
  const hours = (batch?.points ?? []).map((point): HourForecast => {
    const number = (field: string): number => Number(point.field(field));
    const interval = (level: number): Interval | undefined =>
      point.field(`lower${level}`) === undefined
        ? undefined
        : [number(`lower${level}`), number(`upper${level}`)];
    const start = secondsOf(point.time);
    return {
      start,
      horizon: Math.round((start - last.start) / 3600),
      kw: number('forecast'),
      interval80: interval(80),
      interval95: interval(95),
      method: String(point.field('method')),
      error: number('error'),
    };
  });
  return { hours: hours.sort((a, b) => a.start - b.start), history };
}

/** Compares a forecast with the totals of its hours. */
export function compareForecast({ hours }: Forecast, later: readonly Total[]): Outcome {
  const measured = new Map(later.map((total) => [total.start, total]));
  const pairs = hours.flatMap((hour) => {
    const total = measured.get(hour.start);
    return total ? [{ hour, total }] : [];
  });
  const isWithin = (interval: Interval | undefined, kw: number): boolean =>
    interval !== undefined && kw >= interval[0] && kw <= interval[1];
  return {
    measured: pairs.map(({ total }) => total),
    error: pairs.reduce((sum, { hour, total }) => sum + Math.abs(hour.kw - total.kWh), 0) / pairs.length,
    within80: pairs.filter(({ hour, total }) => isWithin(hour.interval80, total.kWh)).length,
    within95: pairs.filter(({ hour, total }) => isWithin(hour.interval95, total.kWh)).length,
  };
}

export const forecastHeads = ['hour', 'ahead', 'kW', '80 %', '95 %', 'method', 'error'];

export function shownHours({ hours }: Forecast): HourForecast[] {
  return hours.filter(({ horizon }) => shownHorizons.includes(horizon));
}

export function forecastCells(hour: HourForecast): string[] {
  return [
    localTime(hour.start, dayAndTime),
    `${hour.horizon}h`,
    hour.kw.toFixed(1),
    formatInterval(hour.interval80),
    formatInterval(hour.interval95),
    hour.method,
    hour.error.toFixed(2),
  ];
}

function formatInterval(interval: Interval | undefined): string {
  return interval === undefined ? '' : interval.map((bound) => bound.toFixed(1)).join('–');
}

export function forecastText(forecast: Forecast): string {
  const table = new Table({
    head: forecastHeads,
    style: { head: [], border: [] },
    colAligns: ['left', 'right', 'right', 'right', 'right', 'left', 'right'],
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
  });
  for (const hour of shownHours(forecast)) table.push(forecastCells(hour));
  return [
    `@forecastBatch()${options}`,
    `  .horizon(1h) … .horizon(${maxHours}h)`,
    'from the totals of the hours of March; the error is that of the back-test:',
    table.toString(),
    `each hour: ${sparkline(forecast.hours.map(({ kw }) => kw))}`,
  ].join('\n');
}

/** What was measured in the hours of the forecast, for a sentence. */
export function describeOutcome({ measured, error, within80, within95 }: Outcome): string {
  return (
    `Of ${measured.length} hours, ${within80} were within the 80 % interval and ${within95} within the 95 % one; ` +
    `the mean error was ${error.toFixed(2)} kW.`
  );
}

export function outcomeText(outcome: Outcome): string {
  const sentence = describeOutcome(outcome);
  const split = sentence.indexOf('; ') + 1;
  return [
    `each hour: ${sparkline(outcome.measured.map(({ kWh }) => kWh))}`,
    sentence.slice(0, split),
    sentence.slice(split + 1),
  ].join('\n');
}
