import { aims } from './aims.mjs';
import { isolatedShare } from './statistics.mjs';
import { titleOf } from './measure/plan.mjs';

/** Prints a run's results, ratios first. */
export function printReport(run) {
  const { results, yardstick, compared } = run;
  console.log(`\nkapacitor-udf ${run.commit} on Node ${run.node}, ${run.machine}`);
  console.log(`yardstick: ${yardstick}. Median of ${run.rounds} rounds (least to most).\n`);
  const isIsolated = results.some(({ metrics }) => metrics?.pointsPerSecond?.values.isolated);
  const rows = results.flatMap((result) => (result.metrics ? metricRows(result, compared, isIsolated) : []));
  const heads = [
    ...['', 'of yardstick', ...(compared ? [`of ${compared}`] : [])],
    ...['kapacitor-udf', 'yardstick', ...(isIsolated ? ['isolated', 'isolated of plain'] : [])],
  ];
  console.log(aligned([heads, ...rows]));
  const reached = aims(run);
  if (reached.length > 0) console.log('\nAims');
  console.log(aligned(reached.map(({ aim, value, met }) => [met ? 'met' : 'MISSED', value, aim])));
  for (const result of results) if (result.error) console.log(`\nFAILED ${titleOf(result)}: ${result.error}`);
}

/** How the numbers are called and shown. Those that are not here are in the JSON only. */
const shown = {
  pointsPerSecond: ['points/s', (value) => Math.round(value).toLocaleString('en')],
  cpuPerMillion: ['CPU s per million points', fixed(3)],
  agentBusy: ['CPUs busy', fixed(2)],
  generatorBusy: ["the generator's CPU busy", fixed(2)],
  p50: ['µs p50', fixed(1)],
  p99: ['µs p99', fixed(1)],
  milliseconds: ['ms', fixed(0)],
  takenBytes: ['MB taken', megabytes],
  grownBytes: ['MB grown', megabytes],
  heldBytes: ['MB held', megabytes],
  residentBytes: ['MB resident', megabytes],
  bytesPerGroup: ['bytes a group', fixed(0)],
  residentPerGroup: ['bytes a group, resident', fixed(0)],
  snapshotMilliseconds: ['ms for a snapshot', fixed(0)],
  snapshotBytes: ['MB of snapshot', megabytes],
  snapshotKeepalive: ['ms longest keepalive in snapshot', fixed(1)],
  behindSnapshot: ['ms longest keepalive behind its bytes', fixed(1)],
  restoreMilliseconds: ['ms to restore', fixed(0)],
  restoreKeepalive: ['ms longest keepalive in restore', fixed(1)],
};

function fixed(digits) {
  return (value) => value.toFixed(digits);
}

function megabytes(value) {
  return (value / 1e6).toFixed(1);
}

function metricRows(result, compared, isIsolated) {
  const known = Object.entries(result.metrics).filter(([metric]) => metric in shown);
  return [
    [titleOf(result)],
    ...known.map(([metric, measured]) => {
      const { values, ratios } = measured;
      const [name, format] = shown[metric];
      const ratio = (label) => range(ratios[label], fixed(2));
      return [
        `  ${name}`,
        ratio('yardstick'),
        ...(compared ? [ratio(compared)] : []),
        range(values.this, format),
        range(values.yardstick, format),
        ...(isIsolated ? [range(values.isolated, format), range(isolatedShare(measured), fixed(2))] : []),
      ];
    }),
  ];
}

function range(spread, format) {
  if (!spread || !Number.isFinite(spread.median)) return '';
  const { median, min, max } = spread;
  return `${format(median)} (${format(min)}–${format(max)})`;
}

function aligned(rows) {
  const widths = [];
  // A row of one cell is a title, and as long as it likes.
  for (const row of rows) {
    if (row.length > 1) row.forEach((cell, at) => (widths[at] = Math.max(widths[at] ?? 0, cell.length)));
  }
  return rows
    .map((row) =>
      row
        .map((cell, at) => cell.padEnd(widths[at]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
