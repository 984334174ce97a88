/** `npm run bench:forecast`: how good forecasts are, and what they cost; see README.md beside this file. */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { measureAccuracy, meanOf, hours } from './forecast/accuracy.mjs';
import { measureCost } from './forecast/cost.mjs';
import { startHoltWinters } from './forecast/holt-winters.mjs';
import { generateSeries, readSeries } from './forecast/series.mjs';
import { accuracyTable, comparisonTable, costTable } from './forecast/tables.mjs';
import { writeTables } from './write-tables.mjs';

const usage = `Usage: npm run bench:forecast -- [options]
  --origins N   forecasts of each series and horizon: 100 if not given; InfluxDB makes a quarter of them
  --weeks N     history that they are made from, 12 if not given; at most two thirds of a series
  --series N,M  numbers of series to measure the cost of, 5000,20000 if not given; 0 leaves it out
  --due N       series whose forecasts are timed, 200 if not given
  --readme      puts the results into udfs/forecast/README.md

FORECAST_DATA names public series, separated by blanks: FILE, FILE:COLUMN or FILE:COLUMN@ZONE, CSV with the time first.
INFLUXD names the program of an InfluxDB 1.x, whose HOLT_WINTERS() Kapacitor's holtWinters runs; without it, it is left out.`;

const { values: given } = parseArgs({
  options: {
    origins: { type: 'string', default: '100' },
    weeks: { type: 'string', default: '12' },
    series: { type: 'string', default: '5000,20000' },
    due: { type: 'string', default: '200' },
    readme: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const readme = fileURLToPath(new URL('../../udfs/forecast/README.md', import.meta.url));

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
      results.push(...rows);
      console.log(`\n${series.name}, ${rows[0].origins} origins:\n\n${accuracyTable(rows)}`);
    }
  } finally {
    await holtWinters?.stop();
  }
  const tables = [
    `Means of ${all.length} series, ${settings.origins} origins each:\n\n${accuracyTable(meansOf(results))}`,
  ];
  if (holtWinters !== undefined) {
    tables.push(`From a quarter of these origins:\n\n${comparisonTable(meansOf(results))}`);
  }
  const costs = [];
  for (const count of given.series.split(',').map(Number)) {
    if (count > 0) costs.push({ count, ...(await measureCost(count, Math.min(count, Number(given.due)))) });
  }
  if (costs.length > 0) tables.push(costTable(costs));
  for (const table of tables) console.log(`\n${table}`);
  if (given.readme) await writeTables(readme, tables.join('\n\n'));
}

/** The means over all series, by horizon. */
function meansOf(results) {
  return hours.map((hour) => {
    const rows = results.filter(({ horizon }) => horizon === `${hour}h`);
    const names = Object.keys(rows[0]).filter((name) => name !== 'horizon');
    return {
      horizon: `${hour}h`,
      ...Object.fromEntries(names.map((name) => [name, meanOf(rows.map((row) => row[name]))])),
    };
  });
}

if (given.help) console.log(usage);
else await main();
