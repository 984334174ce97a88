/** The series that forecasts are measured on: public ones that the environment names, and generated ones. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

/**
 * A series: its values by interval, NaN where one is missing.
 * @typedef {{ name: string, zone: string, interval: number, start: number, values: Float64Array }} Series
 */

/** Reads `FILE`, `FILE:COLUMN` or `FILE:COLUMN@ZONE`: CSV with a head, the time in the first column. */
export function readSeries(spec) {
  const [, file, column, zone = 'UTC'] = /^(.+?)(?::([^:@/]+))?(?:@(.+))?$/.exec(spec);
  const [head, ...lines] = readFileSync(file, 'utf8').trim().split('\n');
  const names = head.split(',');
  const index = column === undefined ? 1 : names.indexOf(column);
  if (index < 1) throw new Error(`${file} has no column ${column}: it has ${names.slice(1).join(', ')}`);
  const rows = lines.map((line) => line.split(','));
  const times = rows.map(
    ([time]) => Date.parse(/(Z|[+-]\d\d:?\d\d)$/.test(time) ? time : `${time.replace(' ', 'T')}Z`) / 1000,
  );
  const interval = times[1] - times[0];
  const values = new Float64Array((times.at(-1) - times[0]) / interval + 1).fill(NaN);
  for (const [row, time] of times.entries()) {
    const text = rows[row][index];
    if (text !== '') values[(time - times[0]) / interval] = Number(text);
  }
  const name = `${basename(file, '.csv')}${column === undefined ? '' : ` ${column}`}`;
  return { name, zone, interval, start: times[0], values };
}

/** Hourly load with shapes of day and week, slow weather, and noise; from 2024-01-01, in local time of Berlin all the same. */
export function generateSeries(seed, weeks = 40) {
  let state = seed;
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const phase = random() * 6;
  let weather = 0;
  let noise = 0;
  const values = new Float64Array(weeks * 168);
  for (let hour = 0; hour < values.length; hour++) {
    const ofDay = hour % 24;
    const isWeekend = Math.floor(hour / 24) % 7 >= 5;
    const peak =
      Math.exp(-(((ofDay - 8 - phase / 6) / 2.5) ** 2)) + 1.3 * Math.exp(-(((ofDay - 18) / 3) ** 2));
    weather = 0.995 * weather + 0.06 * normal();
    noise = 0.6 * noise + 0.12 * normal();
    values[hour] = 10 + (isWeekend ? 1.6 : 3) * peak + (1 + 0.3 * peak) * weather + noise;
  }
  return {
    name: `generated ${seed}`,
    zone: 'UTC',
    interval: 3600,
    start: Date.UTC(2024, 0, 1) / 1000,
    values,
  };
}
