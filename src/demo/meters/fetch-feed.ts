import { join } from 'node:path';
import { DateTime } from 'luxon';
import type { DemoHost } from '../demo-host.js';
import { parseRecordedLine, type RecordedPoint } from '../recordings.js';
import { buildingZone } from './building.js';
import type { DemoUtility } from './utility.js';

/** What a fetch of the feed found. */
export interface Fetched {
  /** The utility's present, seconds since the epoch. */
  readonly at: number;
  readonly text: string;
  /** What was new, grouped by the building. */
  readonly readings: readonly RecordedPoint[];
}

/** Fetches the Green Button feed with `feed --poll` at a date of the building's zone. */
export async function fetchFeed(host: DemoHost, utility: DemoUtility, date: string): Promise<Fetched> {
  utility.now = DateTime.fromISO(date, { zone: buildingZone });
  const before = utility.lines.length;
  const resume = join(host.directory, 'feed.json');
  await host.run(['feed', '--poll', utility.feedUrl, '--resume', resume, '--url', utility.databaseUrl]);
  const readings = utility.lines.slice(before).map((line) => parseRecordedLine(line, 'usage_point'));
  const { publishedMin, status, days, corrections } = utility.requests.at(-1)!; // `run` rejects without one
  const found =
    status === 304
      ? 'nothing new'
      : `${days} days${corrections > 0 ? ' and a correction' : ''}, ${readings.length} readings`;
  const asked = publishedMin === undefined ? '' : ` since ${publishedMin}`;
  return {
    at: utility.now.toSeconds(),
    text: `${utility.now.toFormat('d LLL HH:mm')}: ${found}${asked}`,
    readings,
  };
}

/** The building's meter is the last one of a weak line, whose voltage is low when all cook. */
const meter = 'm00020';
const meters = 30;
/** A reading of each meter every five minutes. */
const rate = 0.1;
const days = 7;
const points = days * 288 * meters;

/** Where the demo's readings begin, and where they are put: both on a Wednesday, by UTC and by the building's clock. */
const demoStart = DateTime.fromISO('2018-01-03', { zone: 'utc' });
const weekStart = DateTime.fromISO('2026-03-25', { zone: buildingZone });

export const gridCommand = `feed --demo meters --meters ${meters} --rate ${rate} --seed 194`;

/** Writes the readings of a made-up grid into the database, and returns the building's, moved into the last week of March. */
export async function fetchVoltages(host: DemoHost, utility: DemoUtility): Promise<readonly RecordedPoint[]> {
  const before = utility.lines.length;
  await host.run([...gridCommand.split(' '), '--points', String(points), '--url', utility.databaseUrl]);
  const moved = BigInt(weekStart.toMillis() - demoStart.toMillis()) * 1_000_000n;
  return utility.lines
    .slice(before)
    .filter((line) => line.includes(`meter=${meter},`))
    .map((line) => parseRecordedLine(line, 'meter'))
    .map((point) => ({ ...point, time: point.time + moved }));
}
