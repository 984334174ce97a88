import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
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
      target: influxTarget(server.databaseUrl, {}),
      urls: [server.feedUrl],
      resume,
      signal: stop.signal,
      firstWaitMs: 1,
      flushMs: 5,
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

  test.each([
    ['{"version":1,"target":1,"sources":{}}', 'target'],
    ['{"version":1,"sources":null}', 'sources'],
    ['{"version":1,"sources":{"http://a/":{}}}', 'lastIntervals'],
    ['{"version":1,"sources":{"http://a/":{"lastIntervals":{"m":"x"}}}}', 'lastIntervals'],
    ['{"version":1,"sources":{"http://a/":{"lastIntervals":{},"publishedMs":1e99}}}', 'publishedMs'],
    ['{"version":1,"sources":{"http://a/":{"lastIntervals":{},"etag":"a\\nb"}}}', 'etag'],
    ['{"version":1,"sources":{"http://a/":{"lastIntervals":{},"lastModified":7}}}', 'lastModified'],
    ['{"version":1,"sources":{"http://a/":{"lastIntervals":{},"links":{}}}}', 'links'],
    ['[]', 'its content'],
  ])('refuses a damaged resume file: %s', async (content, part) => {
    const { start, resume } = await setUp(() => ({}));
    writeFileSync(resume, content);
    await expect(start()).rejects.toMatchObject({
      code: 'invalid_config',
      message: expect.stringContaining(`(${part} is not as it was written)`) as unknown,
    });
  });

  test('keeps a second process from its resume file, until it ends', async () => {
    const { start, stop, resume } = await setUp(() => ({ body: feedOf(0, 1), hangs: true }));
    const first = start();
    await vi.waitFor(() => {
      expect(existsSync(`${resume}.lock`)).toBe(true);
    });
    await expect(start()).rejects.toMatchObject({
      code: 'invalid_config',
      message: `another process uses ${resume}; stop it, or give each feed a file of its own`,
    });
    stop.abort();
    await first;
    expect(existsSync(`${resume}.lock`)).toBe(false);
  });

  test('also where its path is too long for a socket', async () => {
    const { start, stop, requests } = await setUp(() => ({ body: feedOf(0, 1), hangs: true }));
    const directory = join(tempDir(), 'x'.repeat(120));
    mkdirSync(directory);
    const resume = join(directory, 'resume.json');
    const first = start({ resume });
    await vi.waitFor(() => {
      expect(requests).toHaveLength(1);
    });
    symlinkSync(directory, `${directory}y`);
    await expect(start({ resume: join(`${directory}y`, 'resume.json') })).rejects.toThrow(
      'another process uses',
    );
    stop.abort();
    await first;
    expect(await start({ resume })).toMatchObject({ arrived: 0, isStopped: true });
  });

  test('does not take what one target got for taken by another', async () => {
    const { start, stored, resume, databaseUrl } = await setUp(() => ({ body: feedOf(0, 2) }));
    await start();
    const target = influxTarget(databaseUrl.replace(/db=\w+/, 'db=other'), {});
    const other = start({ target });
    await expect(other).rejects.toMatchObject({ code: 'invalid_config' });
    await expect(other).rejects.toThrow(
      `${resume} says what has been taken to ${databaseUrl}, not to ${databaseUrl.replace(/db=\w+/, 'db=other')}; name another file`,
    );
    expect(stored.size).toBe(2);
    expect(await start()).toMatchObject({ isStopped: false });
  });

  test('takes a resume file of an older version, which does not name its target', async () => {
    const { start, resume } = await setUp(() => ({ body: feedOf(0, 2) }));
    writeFileSync(resume, '{"version":1,"sources":{}}');
    expect(await start()).toMatchObject({ arrived: 2 });
    expect(JSON.parse(readFileSync(resume, 'utf8'))).toHaveProperty('target');
  });

  test('removes what a killed process has left of writing the resume file, and nothing else', async () => {
    const { start, resume } = await setUp(() => ({ body: feedOf(0, 1) }));
    const others = ['.part', '.1-2.part.bak', '.x-1.part', '2.1-1.part'].map((end) => `${resume}${end}`);
    const left = [`${resume}.123-1.part`, `${resume}.4-56.part`];
    for (const file of [...others, ...left]) writeFileSync(file, '{');
    await start();
    expect(readdirSync(dirname(resume)).sort()).toEqual(
      [resume, ...others].map((file) => basename(file)).sort(),
    );
  });

  test('says at its start that the resume file cannot be written', async () => {
    const { start, requests } = await setUp(() => ({}));
    const file = join(tempDir(), 'file');
    writeFileSync(file, '');
    await expect(start({ resume: join(file, 'resume.json') })).rejects.toThrow('resume.json');
    expect(requests).toEqual([]);
  });
});

describe('a source that misbehaves', () => {
  const csv = (rows: string): string => `time,name,tag:id,kwh\n${rows}`;
  const csvOptions = { format: 'csv' } as const;

  test('ends with a malformed row also far before the end of its answer', async () => {
    const rows = Array.from({ length: 50_000 }, (_, index) => `${index},m,a,1`).join('\n');
    const { start, requests } = await setUp(() => ({ body: csv(`0,m,a,1\nnever,m,a,1\n${rows}\n`) }));
    expect(await start(csvOptions)).toMatchObject({
      error: { code: 'malformed', message: expect.stringContaining('line 3') as unknown },
    });
    expect(requests.length).toBe(1);
  });

  test('is asked again after the time that it names', async () => {
    const { start, notes, stop, feedUrl } = await setUp(() => ({
      status: 429,
      headers: { 'retry-after': '120' },
    }));
    const stopped = vi.waitFor(() => {
      expect(notes).toEqual([`${feedUrl}: HTTP 429; trying again in 120 s`]);
    });
    const result = start({ everyMs: 1 });
    await stopped;
    stop.abort();
    await result;
  });

  test.each(['text/html; charset=utf-8', 'application/xhtml+xml'])(
    'is refused with a web page instead of data: %s',
    async (type) => {
      const { start, feedUrl } = await setUp(() => ({ body: '<html>', headers: { 'content-type': type } }));
      expect(await start()).toMatchObject({
        error: {
          code: 'refused',
          message: `${feedUrl}: it answers with a web page (${type}), not with data; open it in a browser to see what it wants`,
        },
      });
    },
  );

  test.each(['', '<feed'])('is given up for now if it keeps silent after %j', async (body) => {
    const { start, stored, notes } = await setUp((_request, number) =>
      number === 1 ? { body, hangs: true } : { body: feedOf(0, 2) },
    );
    expect(await start({ maxAnswerWaitMs: 30 })).toMatchObject({ isStopped: false, arrived: 2 });
    expect(notes[0]).toContain('it takes too long; trying again');
    expect(stored.size).toBe(2);
  });

  test.each(['greenbutton', 'csv'] as const)('is refused if its answer has no end: %s', async (format) => {
    const body = format === 'csv' ? csv('0,m,a,1\n'.repeat(5_000)) : `${feedOf(0, 2)}${' '.repeat(20_000)}`;
    const { start, feedUrl, requests } = await setUp(() => ({ body, hangs: true }));
    const result = await start({ format, skipBad: true, maxAnswerBytes: 20_000 });
    expect(result).toMatchObject({
      error: {
        code: 'refused',
        message: `${feedUrl}: its answer has more than 20,000 bytes; ask it for a part, or fetch a file and name that`,
      },
    });
    expect(requests).toHaveLength(1);
  });

  test('does not stop the other sources, and its error is that of the command', async () => {
    const { start, origin, notes } = await setUp(({ url }) =>
      url.pathname === '/gone' ? { status: 404 } : { body: feedOf(0, 2) },
    );
    expect(await start({ urls: [`${origin}/gone`, `${origin}/feed`] })).toMatchObject({
      arrived: 2,
      error: { code: 'refused', message: `${origin}/gone: HTTP 404` },
    });
    expect(notes).toEqual([`${origin}/gone: HTTP 404`]);
  });

  test('is fetched again at its next time while others go on', async () => {
    const { start, origin, requests, stop } = await setUp(({ url }) => {
      const isGone = url.pathname === '/gone';
      if (requests.filter(({ url: { pathname } }) => pathname === '/gone').length > 2) stop.abort();
      return isGone ? { status: 404 } : { body: feedOf(0, 2) };
    });
    const result = await start({ urls: [`${origin}/gone`, `${origin}/feed`], everyMs: 1 });
    expect(result.isStopped).toBe(false);
  });

  test('does not see the token of another server that redirects to it', async () => {
    const other = await utilityAndDatabase(() => ({ body: feedOf(0, 1) }));
    const { start, requests } = await setUp(() => ({ status: 302, headers: { location: other.feedUrl } }));
    await start({ authorization: 'Bearer t' });
    expect(requests[0]!.headers.authorization).toBe('Bearer t');
    expect(other.requests[0]!.headers.authorization).toBeUndefined();
  });
});

describe('polling other formats', () => {
  test.each([
    ['csv', 'time,name,tag:id,kwh\n1,m,a,1.5\n2,m,a,2.5\n'],
    [
      'jsonl',
      '{"time":"1970-01-01T00:00:00.000000001Z","name":"m","tags":{"id":"a"},"fields":{"kwh":1.5}}\n{"time":"1970-01-01T00:00:00.000000002Z","name":"m","tags":{"id":"a"},"fields":{"kwh":2.5}}\n',
    ],
    ['lp', 'm,id=a kwh=1.5 1\nm,id=a kwh=2.5 2\n'],
  ] as const)('takes %s once, and asks without the parameter of Green Button', async (format, body) => {
    const { start, stored, requests, feedUrl } = await setUp(() => ({ body, headers: { etag: '"a"' } }));
    expect(await start({ format, onlyNewer: true })).toMatchObject({ arrived: 2, isStopped: false });
    expect(await start({ format, onlyNewer: true })).toMatchObject({ arrived: 0, isStopped: false });
    expect([...stored]).toEqual([
      ['m,id=a kwh=1.5 1', 1],
      ['m,id=a kwh=2.5 2', 1],
    ]);
    expect(requests[1]!.url.href).toBe(requests[0]!.url.href);
    expect(requests[0]!.url.search).toBe(new URL(feedUrl).search);
    expect(requests[1]!.headers).toMatchObject({ 'if-none-match': '"a"', 'accept-encoding': 'identity' });
  });

  test.each([
    ['csv', 'name,kwh\nm,1\n'],
    ['jsonl', '{"name":"m","fields":{"kwh":1}}\n'],
    ['lp', 'm kwh=1\n'],
  ] as const)('refuses %s without times, which each fetch would store once more', async (format, body) => {
    const { start, stored } = await setUp(() => ({ body }));
    expect(await start({ format })).toMatchObject({
      error: {
        code: 'malformed',
        message: expect.stringContaining(
          'it has no time, and each fetch would store it once more',
        ) as unknown,
      },
    });
    expect(stored.size).toBe(0);
  });
});
