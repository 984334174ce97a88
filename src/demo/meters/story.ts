import { join } from 'node:path';
import Table from 'cli-table3';
import { DateTime } from 'luxon';
import { formatDuration } from '../model/duration.js';
import type { Point } from '../model/point.js';
import { createKapacitorPeer } from '../peer/kapacitor-peer.js';
import { sparkline } from './average.js';
import { buildingZone } from './building.js';
import type { DemoHost } from './demo-host.js';
import { parseRecordedLine, type RecordedPoint } from './recordings.js';
import { type DemoUtility, startUtility } from './utility.js';

/** When the feed is fetched: the second time of each day, nothing is new. */
const fetchDates = ['2026-03-22T12:00', '2026-04-01T12:00', '2026-04-01T13:00'];

/** Fetches the Green Button feed of a made-up office, and shows the totals and alerts that the UDFs make of it. */
export async function* showMeters(host: DemoHost): AsyncGenerator<string> {
  const utility = await startUtility();
  try {
    yield await fetchFeed(host, utility);
    const readings = utility.lines.map((line) => parseRecordedLine(line, 'usage_point'));
    yield await showTotals(host, readings);
    yield await showAlerts(host, readings);
  } finally {
    utility.close();
  }
}

async function fetchFeed(host: DemoHost, utility: DemoUtility): Promise<string> {
  const text = [
    'A utility publishes the Green Button feed of a made-up office, a day each',
    'night. This command writes what is new into a database:',
    `  kapacitor-udf feed --poll ${utility.feedUrl}`,
    `    --resume feed.json --url '${utility.databaseUrl}'`,
  ];
  const resume = join(host.directory, 'feed.json');
  for (const date of fetchDates) {
    utility.now = DateTime.fromISO(date, { zone: buildingZone });
    const before = utility.lines.length;
    await host.run(['feed', '--poll', utility.feedUrl, '--resume', resume, '--url', utility.databaseUrl]);
    const { publishedMin, status, days } = utility.requests.at(-1)!; // `run` rejects without one
    const asked = publishedMin === undefined ? '' : `, asked from ${publishedMin}`;
    const found = status === 304 ? 'nothing new' : `${days} days, ${utility.lines.length - before} readings`;
    text.push(`  ${utility.now.toFormat('d LLL HH:mm')}: ${found}${asked}`);
  }
  return text.join('\n');
}

const aggregates = ".interval(15m).sum('value', 'wh').max('value', 'peak')";
const totalsOf = (period: string): string => `.by('${period}').zone('${buildingZone}')${aggregates}`;

async function showTotals(host: DemoHost, readings: readonly RecordedPoint[]): Promise<string> {
  const days = await runUdf(host, 'calendarTotals', totalsOf('day'), readings);
  const [month] = await runUdf(host, 'calendarTotals', totalsOf('month'), readings);
  const table = new Table({
    head: ['', 'kWh', 'peak kW', 'intervals', 'missing'],
    style: { head: [], border: [] },
    colAligns: ['left', 'right', 'right', 'right', 'right'],
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
  });
  const isSpecial = (day: Point): boolean =>
    Number(day.field('expected')) !== 96 || Number(day.field('missing')) > 0;
  for (const [name, total] of [
    ...days.filter(isSpecial).map((day) => [localTime(day.time, 'ccc d LLL'), day] as const),
    ['March 2026', month!] as const, // the readings are of one month
  ]) {
    table.push([
      name,
      (Number(total.field('wh')) / 1000).toFixed(1),
      ((Number(total.field('peak')) * 4) / 1000).toFixed(1),
      String(total.field('expected')),
      `${(100 * Number(total.field('missing'))).toFixed(1)} %`,
    ]);
  }
  return [
    `@calendarTotals().by('month').zone('${buildingZone}')`,
    `  ${aggregates}`,
    'and by day; shown are the days that do not have all of 96 intervals:',
    table.toString(),
    `each day: ${sparkline(days.map((day) => Number(day.field('wh'))))}`,
  ].join('\n');
}

const overloadOptions = ".field('value').above(7500.0).hysteresis(500.0)";
const durationOptions = ".hold(30m).as('load').durationAs('s')";
const silenceOptions = ".tag('unit').silentAfter(1h)";

async function showAlerts(host: DemoHost, readings: readonly RecordedPoint[]): Promise<string> {
  const loads = await runUdf(host, 'edgeDetect', overloadOptions + durationOptions, readings);
  const silences = await runUdf(host, 'edgeDetect', silenceOptions, readings);
  const overloads = loads.flatMap((point, index) => {
    if (point.field('load') !== 'high') return [];
    const end = loads[index + 1];
    const lasted = end ? ` for ${formatDuration(BigInt(Number(end.field('s'))) * 1_000_000_000n)}` : '';
    return [{ time: point.time, text: `more than 30 kW${lasted}` }];
  });
  const silent = silences
    .filter((point, index) => index > 0)
    .map((point) => ({
      time: point.time,
      text: point.field('silent') === true ? 'no reading for an hour' : 'readings again',
    }));
  return [
    `@edgeDetect()${overloadOptions}`,
    `  ${durationOptions}`,
    `@edgeDetect()${silenceOptions}`,
    'more than 30 kW (7500 Wh an interval) for half an hour, and silence:',
    ...[...overloads, ...silent]
      .sort((a, b) => Number(a.time - b.time))
      .map(({ time, text }) => `  ${localTime(time, 'ccc d LLL HH:mm')}  ${text}`),
  ].join('\n');
}

async function runUdf(
  host: DemoHost,
  udf: string,
  options: string,
  points: readonly RecordedPoint[],
): Promise<readonly Point[]> {
  const kapacitor = createKapacitorPeer(await host.connect(udf));
  await kapacitor.info();
  await kapacitor.init(options);
  for (const point of points) kapacitor.point(point);
  return (await kapacitor.stop()).points;
}

function localTime(nanoseconds: bigint, format: string): string {
  return DateTime.fromMillis(Number(nanoseconds / 1_000_000n), { zone: buildingZone, locale: 'en' }).toFormat(
    format,
  );
}
