import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { pollFeeds, type PollOptions } from '../../src/feed/poll.js';
import { influxTarget } from '../../src/influx/target.js';
import { entriesOf, greenButtonFeed } from '../support/green-button.js';
import { type Answer, type FeedRequest, utilityAndDatabase } from '../support/green-button-server.js';
import { tempDir } from '../support/temp-dir.js';

const readings = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => ({ start: (from + index) * 900, value: from + index }));
const feedOf = (from: number, count: number): string =>
  greenButtonFeed(entriesOf({ readings: readings(from, count) }));

async function setUp(answer: (request: FeedRequest, number: number) => Answer) {
  let number = 0;
  const server = await utilityAndDatabase((request) => answer(request, ++number));
  const resume = join(tempDir(), 'resume.json');
  const stop = new AbortController();
  const notes: string[] = [];
  const start = (options: Partial<PollOptions> = {}) =>
    pollFeeds({
      ...{
        target: influxTarget(server.databaseUrl, {}),
        urls: [server.feedUrl],
        resume,
        signal: stop.signal,
      },
      ...{ firstWaitMs: 1, flushMs: 5 },
      events: { onNote: (note) => notes.push(note) },
      ...options,
    });
  return { ...server, resume, stop, notes, start };
}

describe('polling a feed', () => {
  test('writes its readings, and asks next time only for what is new', async () => {
    const { start, requests, stored, feedUrl } = await setUp((_request, number) =>
      number === 1
        ? { body: feedOf(0, 3), headers: { etag: '"a"', 'last-modified': 'Thu, 01 Jan 2026 00:00:00 GMT' } }
        : { status: 304 },
    );
    expect(await start({ authorization: 'Bearer t' })).toMatchObject({ arrived: 3, isStopped: false });
    expect(await start({ authorization: 'Bearer t' })).toMatchObject({ arrived: 0, isStopped: false });
    expect(stored.size).toBe(3);
    expect(requests[0]!.url.search).toBe(new URL(feedUrl).search);
    expect(requests[0]!.headers.authorization).toBe('Bearer t');
    expect(requests[1]!.url.searchParams.get('published-min')).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(requests[1]!.url.searchParams.get('account')).toBe('1');
    expect(requests[1]!.headers).toMatchObject({
      'if-none-match': '"a"',
      'if-modified-since': 'Thu, 01 Jan 2026 00:00:00 GMT',
    });
  });

  test('knows the reading types of earlier answers, which later ones may leave out', async () => {
    const later = entriesOf({ readings: readings(3, 2) })[3];
    const { start, stored } = await setUp((_request, number) => ({
      body: number === 1 ? feedOf(0, 3) : greenButtonFeed([later]),
    }));
    await start();
    expect(await start()).toMatchObject({ arrived: 2 });
    expect([...stored.keys()].at(-1)).toMatch(/unit=Wh.* duration=900i,value=0.004 3600000000000$/);
  });

  test('asks again, longer and longer, while the utility does not answer or breaks off', async () => {
    const whole = feedOf(0, 3);
    const { start, stored, notes, resume } = await setUp((_request, number) => {
      expect(existsSync(resume)).toBe(false);
      if (number === 1) return { status: 503 };
      if (number === 2) return { body: whole.slice(0, -60), breaksOff: true };
      return { body: number === 3 ? whole.slice(0, -60) : whole };
    });
    const result = await start({ skipBad: true });
    expect(result).toMatchObject({ isStopped: false, skipped: 0 });
    expect(stored.size).toBe(3);
    expect(notes.map((note) => /: (HTTP 503|its answer broke off)/.exec(note)?.[1])).toEqual([
      'HTTP 503',
      'its answer broke off',
      'its answer broke off',
    ]);
    expect(existsSync(resume)).toBe(true);
  });

  test('does not take a malformed reading for an answer that broke off', async () => {
    const readings = [{ start: 0, value: ': it is cut off' }];
    const { start } = await setUp(() => ({ body: greenButtonFeed(entriesOf({ readings })) }));
    expect(await start({ skipBad: true })).toMatchObject({ isStopped: false, skipped: 1 });
  });

  test('leaves out, for a target that stores points twice, what it has taken', async () => {
    const { start, stored } = await setUp((_request, number) => ({ body: feedOf(0, number * 2) }));
    await start({ onlyNewer: true });
    expect(await start({ onlyNewer: true })).toMatchObject({ arrived: 2 });
    expect([...stored.values()]).toEqual([1, 1, 1, 1]);
  });

  test('goes on until the signal, each time after the interval', async () => {
    const { start, stop, stored } = await setUp((_request, number) => {
      if (number === 3) stop.abort();
      return { body: feedOf(0, number) };
    });
    expect(await start({ everyMs: 1 })).toMatchObject({ isStopped: false });
    expect(stored.size).toBe(2);
  });

  test.each([401, 404])('ends with an answer that will not change: %d', async (status) => {
    const { start, feedUrl } = await setUp(() => ({ status }));
    const { error } = await start({ everyMs: 1 });
    expect(error).toMatchObject({
      code: 'refused',
      message: expect.stringContaining(`${feedUrl}: HTTP ${status}`) as unknown,
    });
  });

  test('ends with a malformed feed, and does not remember it as taken', async () => {
    const { start, resume } = await setUp(() => ({ body: feedOf(0, 3).replace('>72<', '>999<') }));
    expect(await start({ everyMs: 1 })).toMatchObject({ error: { code: 'malformed' } });
    expect(existsSync(resume)).toBe(false);
  });

  test('refuses a resume file that is none', async () => {
    const { start, resume } = await setUp(() => ({}));
    writeFileSync(resume, '{}');
    await expect(start()).rejects.toThrow(`${resume} is no file of --resume`);
    expect(readFileSync(resume, 'utf8')).toBe('{}');
  });
});
