import { join } from 'node:path';
import { DateTime } from 'luxon';
import { describe, expect, onTestFinished, test } from 'vitest';
import { buildingPublications, buildingZone } from '../../../src/demo/meters/building.js';
import { startUtility } from '../../../src/demo/meters/utility.js';
import { pollFeeds } from '../../../src/feed/poll.js';
import { influxTarget } from '../../../src/influx/target.js';
import { parseLine } from '../../../src/recording/line-protocol.js';
import { tempDir } from '../../support/temp-dir.js';

const at = (date: string): DateTime => DateTime.fromISO(date, { zone: buildingZone });

async function start() {
  const utility = await startUtility();
  onTestFinished(() => {
    utility.close();
  });
  return utility;
}

describe('the utility of the demo', () => {
  test('has 33 days of 15-minute readings: one of 23 hours, and one with a gap that is partly filled a week later', () => {
    const publications = buildingPublications();
    const days = publications.filter(({ isCorrection }) => !isCorrection);
    const counts = days.map(({ readings }) => readings.length);
    expect(counts).toHaveLength(33);
    expect(counts[7]).toBe(92);
    expect(counts[16]).toBe(84);
    expect(counts.filter((count) => count === 96)).toHaveLength(31);

    const correction = publications.find(({ isCorrection }) => isCorrection)!;
    expect(correction.published.toISO()).toBe('2026-03-24T02:00:00.000-04:00');
    expect(correction.readings).toHaveLength(8);
    const measured = new Set(days[16]!.readings.map(({ start }) => start));
    for (const { start } of correction.readings) expect(measured.has(start)).toBe(false);
  });

  test('has in its feed only what has been published', async () => {
    const utility = await start();
    utility.now = at('2026-03-03T01:59');
    const block = 'IntervalBlock/2026-03-02"';
    expect((await (await fetch(utility.feedUrl)).text()).includes(block)).toBe(false);
    utility.now = at('2026-03-03T02:00');
    const response = await fetch(utility.feedUrl);
    expect(response.headers.get('date')).toBe('Tue, 03 Mar 2026 07:00:00 GMT');
    expect((await response.text()).includes(block)).toBe(true);
  });

  test('gives what was published since a time, and nothing to who has it', async () => {
    const utility = await start();
    utility.now = at('2026-04-02T00:00');
    const url = `${utility.feedUrl}?published-min=2026-04-01T06:00:00Z`;
    const response = await fetch(url);
    const body = await response.text();
    expect(body.match(/<e:IntervalBlock>/g)).toHaveLength(1);
    expect(body.match(/<e:IntervalReading>/g)).toHaveLength(96);
    const etag = response.headers.get('etag')!;
    expect((await fetch(url, { headers: { 'If-None-Match': etag } })).status).toBe(304);
    expect(utility.requests.map(({ status, days, corrections }) => [status, days, corrections])).toEqual([
      [200, 1, 0],
      [304, 0, 0],
    ]);
  });

  test('is read by feed --poll: each reading once, over several fetches', async () => {
    const utility = await start();
    const resume = join(tempDir(), 'resume.json');
    const arrived = [];
    for (const date of ['2026-03-10', '2026-03-10', '2026-03-20', '2026-04-02']) {
      utility.now = at(`${date}T12:00`);
      const result = await pollFeeds({
        target: influxTarget(utility.databaseUrl, {}),
        urls: [utility.feedUrl],
        resume,
        signal: new AbortController().signal,
      });
      expect(result).not.toHaveProperty('error');
      arrived.push(result.arrived);
    }
    expect(arrived).toEqual([9 * 96 - 4, 0, 10 * 96 - 12, 13 * 96 + 8]);
    const written = utility.lines.map(parseLine).map(({ time, fields }) => [time, fields.value]);
    const taken = buildingPublications().filter(({ published }) => published <= utility.now);
    const readings = taken.flatMap((each) => each.readings);
    expect(written).toEqual(
      readings.map(({ start, wattHours }) => [BigInt(start) * 1_000_000_000n, wattHours]),
    );
  });
});
