/** Errors and coverage of forecasts at origins that are spread over a series. */
import { runUdf } from '../../../dist/src/testkit/index.js';
import { forecastBatch } from '../../../dist/udfs/index.js';

export const hours = [1, 6, 24, 48];
const nanos = 1_000_000_000n;
/** Holt-Winters is asked from one of so many origins: it takes seconds. */
const holtWintersEvery = 4;

/**
 * For each horizon: mean absolute scaled errors, the shares of values within the intervals, and the errors of all three from
 * the origins that Holt-Winters was asked from.
 */
export async function measureAccuracy(series, { origins: wanted, weeks, holtWinters }) {
  const { interval, start, values, zone } = series;
  const perDay = 86_400 / interval;
  const week = 7 * perDay;
  const window = Math.min(weeks * week, Math.floor((values.length * 2) / 3 / week) * week);
  const horizons = hours.map((hour) => (hour * 3600) / interval);
  const last = values.length - 1 - Math.max(...horizons);
  const stride = Math.max(1, Math.floor((last - window) / wanted)) | 1; // odd, so that all times of day are met
  const scale = meanOf(values.map((value, index) => Math.abs(value - values[index - week])));
  const found = hours.map(() => ({
    forecast: [],
    naive: [],
    covered80: [],
    covered95: [],
    holtWinters: [],
    forecastBeside: [],
    naiveBeside: [],
  }));
  const measurement = series.name.replaceAll(/\W/g, '_');
  await holtWinters?.write(measurement, series);
  const run = await runUdf(forecastBatch, {
    options: { field: 'v', interval: `${interval}s`, window: `${(window * interval) / 86_400}d`, zone },
  });
  for (let origin = window; origin <= last; origin += stride) {
    if (Number.isNaN(values[origin])) continue;
    const timeOf = (index) => start + index * interval;
    const points = [];
    for (let index = origin - window + 1; index <= origin; index++) {
      if (Number.isNaN(values[index])) continue;
      points.push({ time: BigInt(timeOf(index)) * nanos, fields: { v: values[index] } });
    }
    const { batches } = await run.send([{ name: 'load', time: points.at(-1).time, points }]);
    const forecasts = new Map(
      batches.at(-1).points.map(({ time, fields }) => [Number(time / nanos), fields]),
    );
    const isCompared = ((origin - window) / stride) % holtWintersEvery === 0;
    const asked = isCompared ? holtWinters : undefined;
    const others = await asked?.forecast(measurement, series, timeOf(origin), Math.max(...horizons));
    for (const [index, horizon] of horizons.entries()) {
      const target = origin + horizon;
      const fields = forecasts.get(timeOf(target));
      const naive = values[target - week];
      const actual = values[target];
      if (fields === undefined || Number.isNaN(actual) || Number.isNaN(naive)) continue;
      const into = found[index];
      into.forecast.push(Math.abs(actual - fields.forecast) / scale);
      into.naive.push(Math.abs(actual - naive) / scale);
      const other = others?.get(timeOf(target));
      if (other !== undefined) {
        into.holtWinters.push(Math.abs(actual - other) / scale);
        into.forecastBeside.push(into.forecast.at(-1));
        into.naiveBeside.push(into.naive.at(-1));
      }
      into.covered80.push(actual >= fields.lower80 && actual <= fields.upper80 ? 1 : 0);
      into.covered95.push(actual >= fields.lower95 && actual <= fields.upper95 ? 1 : 0);
    }
  }
  await run.stop();
  return found.map((lists, index) => ({
    horizon: `${hours[index]}h`,
    origins: lists.forecast.length,
    ...Object.fromEntries(Object.entries(lists).map(([name, list]) => [name, meanOf(list)])),
  }));
}

export function meanOf(list) {
  let sum = 0;
  let count = 0;
  for (const value of list) {
    if (Number.isNaN(value)) continue;
    sum += value;
    count++;
  }
  return sum / count;
}
