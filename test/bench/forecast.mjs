/** `npm run bench:forecast`: how good forecasts are, and what they cost; see README.md beside this file. */
import { parseArgs } from 'node:util';
import { measureAccuracy, meanOf, hours } from './forecast/accuracy.mjs';
import { measureCost } from './forecast/cost.mjs';
import { startHoltWinters } from './forecast/holt-winters.mjs';
import { generateSeries, readSeries } from './forecast/series.mjs';

const usage = `Usage: npm run bench:forecast -- [options]
  --origins N  forecasts of each series and horizon: 100 if not given
  --weeks N    history that they are made from, 12 if not given; at most two thirds of a series
  --series N   series of the measurement of cost, 200 if not given; 0 leaves it out

FORECAST_DATA names public series, separated by blanks: FILE, FILE:COLUMN or FILE:COLUMN@ZONE, CSV with the time first.
INFLUXD names the program of an InfluxDB 1.x, whose HOLT_WINTERS() Kapacitor's holtWinters runs; without it, it is left out.`;

const { values: given } = parseArgs({
  options: {
    origins: { type: 'string', default: '100' },
    weeks: { type: 'string', default: '12' },
    series: { type: 'string', default: '200' },
    help: { type: 'boolean', default: false },
  },
});

async function main() {
  const { FORECAST_DATA = '', INFLUXD } = process.env;
  const settings = { origins: Number(given.origins), weeks: Number(given.weeks) };
  const all = [
    ...FORECAST_DATA.split(/\s+/).filter(Boolean).map(readSeries),
    ...[1, 2, 3, 4].map((seed) => generateSeries(seed)),
  ];
  if (FORECAST_DATA === '') console.log('FORECAST_DATA names no public series: generated ones only');
  const holtWinters = INFLUXD === undefined ? undefined : await startHoltWinters(INFLUXD);
  const results = [];
  try {
    for (const series of all) {
      const rows = await measureAccuracy(series, { ...settings, holtWinters });
      for (const row of rows) results.push(row);
      report(`${series.name}, ${rows[0].origins} origins`, rows);
    }
  } finally {
    await holtWinters?.stop();
  }
  const means = hours.map((hour) => {
    const rows = results.filter(({ horizon }) => horizon === `${hour}h`);
    const names = Object.keys(rows[0]).filter((name) => name !== 'horizon');
    return {
      horizon: `${hour}h`,
      ...Object.fromEntries(names.map((name) => [name, meanOf(rows.map((row) => row[name]))])),
    };
  });
  report('mean of all series', means);
  const count = Number(given.series);
  if (count > 0) {
    const { snapshot, milliseconds } = await measureCost(count);
    console.log(`\n${count} series of 12 weeks of hours, four horizons each:`);
    console.log(`  ${milliseconds.toFixed(1)} ms of processor time a series for its forecasts`);
    console.log(`  ${(snapshot / 1024).toFixed(1)} KiB of state a series, as in a snapshot`);
    const [minutes, gibibytes] = [(milliseconds * 100) / 60, (snapshot * 100_000) / 2 ** 30];
    console.log(
      `  100,000 series, extrapolated: ${minutes.toFixed(0)} minutes of one core, ${gibibytes.toFixed(2)} GiB of state`,
    );
  }
}

function report(title, rows) {
  console.log(`\n${title}: mean absolute scaled error, and the share of values within the intervals`);
  console.log('| horizon | forecast | seasonal naive | holtWinters | 80 % | 95 % |');
  console.log('| ------- | -------- | -------------- | ----------- | ---- | ---- |');
  for (const { horizon, forecast, naive, holtWinters, covered80, covered95 } of rows) {
    const other = Number.isNaN(holtWinters) ? '' : holtWinters.toFixed(3);
    const shares = [covered80, covered95].map((share) => `${(100 * share).toFixed(1)} %`).join(' | ');
    console.log(`| ${horizon} | ${forecast.toFixed(3)} | ${naive.toFixed(3)} | ${other} | ${shares} |`);
  }
}

if (given.help) console.log(usage);
else await main();
