import { once } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { kairosTarget } from '../../src/kairos/target.js';
import { createKairosWriter, type KairosWriterOptions } from '../../src/kairos/writer.js';
import { startKairosServer } from '../support/kairos-server.js';

const writerTo = (url: string, options?: KairosWriterOptions, environment = {}) =>
  createKairosWriter(kairosTarget(url, environment), options);

describe('the writer to KairosDB', () => {
  it('sends a data point for each field, of the metric measurement.field, compressed', async () => {
    const { url, requests } = await startKairosServer();
    const lines = ['power,line=t1,meter=m\\ 1 voltage=231.5,count=3i,on=t,state="a\\"b" 1514979051065000000'];

    expect(await writerTo(url).write(lines)).toEqual([]);

    const common = { timestamp: 1514979051065, tags: { line: 't1', meter: 'm 1' } };
    expect(requests).toHaveLength(1);
    expect(requests[0]).toMatchObject({
      url: '/api/v1/datapoints',
      headers: { 'content-encoding': 'gzip', 'content-type': 'application/json' },
      points: [
        { name: 'power.voltage', type: 'double', value: 231.5, ...common },
        { name: 'power.count', type: 'long', value: 3, ...common },
        { name: 'power.on', type: 'long', value: 1, ...common },
        { name: 'power.state', type: 'string', value: 'a"b', ...common },
      ],
    });
  });

  it('rounds no value: integers of 64 bits and the sign of zero are sent as they are', async () => {
    const { url, requests } = await startKairosServer();
    await writerTo(url).write(['m,h=a max=9223372036854775807i,min=-9223372036854775808i,z=-0 -1000000']);
    const values = [...requests[0]!.body.matchAll(/"value":([^,]+),/g)].map(([, value]) => value);
    expect(values).toEqual(['9223372036854775807', '-9223372036854775808', '-0.0']);
    expect(requests[0]!.points[0]!.timestamp).toBe(-1);
  });

  it('sends every double so that it is read back as the same', async () => {
    const { url, requests } = await startKairosServer();
    const writer = writerTo(url);
    await fc.assert(
      fc.asyncProperty(fc.double({ noNaN: true, noDefaultInfinity: true }), async (value) => {
        const text = Object.is(value, -0) ? '-0' : String(value);
        expect(await writer.write([`m,h=a v=${text} 0`])).toEqual([]);
        expect(requests.at(-1)!.points[0]!.value).toBe(value);
      }),
      { numRuns: 50 },
    );
  });

  it('adds the default tag to points that do not have it', async () => {
    const { url, requests } = await startKairosServer();
    await writerTo(`${url}?tag=site=home`).write(['m v=1 0', 'm,site=away v=1 0', 'm,h=a v=1 0']);
    expect(requests[0]!.points.map(({ tags }) => tags)).toEqual([
      { site: 'home' },
      { site: 'away' },
      { h: 'a', site: 'home' },
    ]);
  });

  it('refuses a time finer than milliseconds, which KairosDB would cut, unless it is to be rounded down', async () => {
    const { url, requests } = await startKairosServer();
    const lines = ['m,h=a v=1 1000000', 'm,h=a v=2 1999999', 'm,h=a v=3 -1'];

    expect(await writerTo(url).write(lines)).toEqual([
      { index: 1, reason: expect.stringMatching(/the time 1999999 is finer; .*\?precision=ms/) as string },
      { index: 2, reason: expect.stringContaining('the time -1 is finer') as string },
    ]);
    expect(requests[0]!.points).toHaveLength(1);

    expect(await writerTo(`${url}?precision=ms`).write(lines)).toEqual([]);
    expect(requests[1]!.points.map(({ timestamp }) => timestamp)).toEqual([1, 1, -1]);
  });

  it('refuses text that KairosDB would answer 204 to and lose: more than 65,535 bytes as Java counts them', async () => {
    const { url, requests } = await startKairosServer();
    const fits = 'x'.repeat(65_535);
    const [long, accents, emoji] = [`${fits}x`, 'ü'.repeat(32_768), '😀'.repeat(10_923)];
    const lines = [fits, long, accents, emoji].map((text) => `m,h=a s="${text}" 0`);
    expect(await writerTo(url).write(lines)).toEqual(
      [1, 2, 3].map((index) => ({
        index,
        reason: `KairosDB stores texts of at most 65535 bytes, and m.s has ${index === 3 ? 65_538 : 65_536}`,
      })),
    );
    expect(requests[0]!.points).toHaveLength(1);
  });

  it('names each line that KairosDB refuses, and knows that the others arrived', async () => {
    const { url, stored } = await startKairosServer();
    const lines = ['m,h=a v=1 0', 'm v=2,w=3 0', 'm,h=b v=4 0', 'n v=5 0'];

    expect(await writerTo(url).write(lines)).toEqual([
      {
        index: 1,
        reason:
          'HTTP 400: m.v: tags count must be greater than or equal to 1; give all points a tag by ?tag=NAME=VALUE in the URL; ' +
          'HTTP 400: m.w: tags count must be greater than or equal to 1; give all points a tag by ?tag=NAME=VALUE in the URL',
      },
      { index: 3, reason: expect.stringContaining('n.v: tags count') as string },
    ]);
    expect([...stored.keys()]).toEqual(['m.v{"h":"a"}@0', 'm.v{"h":"b"}@0']);
  });

  it('does not guess which lines arrived if KairosDB names none', async () => {
    const { url, unknownTypes } = await startKairosServer();
    unknownTypes.add('string');
    await expect(writerTo(url).write(['m,h=a v=1 0', 'm,h=a v="x" 0', 'm v=1 0'])).rejects.toMatchObject({
      message: expect.stringMatching(
        /^HTTP 400: Unregistered data point type 'string'; metric\[2\]/,
      ) as string,
      temporary: false,
      statusCode: 400,
    });
  });

  it('splits what is too large by points and by bytes, and finds refused lines in each part', async () => {
    const { url, requests, stored } = await startKairosServer();
    const lines = Array.from({ length: 10 }, (_, index) =>
      index === 7 ? 'm v=1 0' : `m,h=a v=${index},w=1 ${index}000000`,
    );
    const refused = [{ index: 7, reason: expect.stringContaining('tags count') as string }];

    expect(await writerTo(url, { maxRequestPoints: 3 }).write(lines)).toEqual(refused);
    expect(requests.map(({ points }) => points.length)).toEqual([3, 3, 3, 3, 3, 3, 1]);
    expect(stored.size).toBe(18);

    requests.length = 0;
    const maxRequestBytes = 250;
    expect(await writerTo(url, { maxRequestBytes }).write(lines)).toEqual(refused);
    expect(requests.length).toBeGreaterThan(5);
    for (const { body } of requests) expect(body.length).toBeLessThanOrEqual(maxRequestBytes + 2);

    requests.length = 0;
    await writerTo(url, { maxRequestBytes: 1 }).write(lines.slice(0, 2));
    expect(requests.map(({ points }) => points.length)).toEqual([1, 1, 1, 1]);
  });

  it('signs in, and says where credentials belong when they are missing', async () => {
    const { url, requests } = await startKairosServer((response, { headers }) => {
      if (headers.authorization !== undefined) return false;
      response.writeHead(401).end('<html>');
      return true;
    });
    await expect(writerTo(url).write(['m,h=a v=1 0'])).rejects.toMatchObject({
      message: 'HTTP 401: KairosDB wants credentials; set KAIROSDB_USERNAME and KAIROSDB_PASSWORD',
      temporary: false,
    });
    await writerTo(url, {}, { KAIROSDB_USERNAME: 'me', KAIROSDB_PASSWORD: 'pw' }).write(['m,h=a v=1 0']);
    expect(requests[1]!.headers.authorization).toBe('Basic bWU6cHc=');
  });

  it.each([
    [403, 'Forbidden'],
    [413, 'Payload Too Large'],
    [429, 'Too Many Requests'],
    [503, 'Service Unavailable'],
  ])('takes HTTP %d without a message of KairosDB for that of a proxy before it', async (status, reason) => {
    const { url } = await startKairosServer((response) => {
      response.writeHead(status).end('<html>sorry</html>');
      return true;
    });
    await expect(writerTo(url).write(['m,h=a v=1 0'])).rejects.toMatchObject({
      message: `HTTP ${status}: ${reason}`,
    });
  });

  it('shortens long errors', async () => {
    const { url } = await startKairosServer((response) => {
      response.writeHead(400).end(JSON.stringify({ errors: [`metric[0].${'x'.repeat(100_000)}`] }));
      return true;
    });
    const refused = await writerTo(url).write(['m,h=a v=1 0']);
    expect(refused).toEqual([{ index: 0, reason: `HTTP 400: m.v: ${'x'.repeat(1_000)} …` }]);
  });

  it('reads an answer without an end only up to a limit', async () => {
    let isClosed = false;
    const { url } = await startKairosServer((response) => {
      response.writeHead(400);
      const write = (): void => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
      };
      response.on('drain', write).on('close', () => (isClosed = true));
      write();
      return true;
    });
    await expect(writerTo(url).write(['m,h=a v=1 0'])).rejects.toMatchObject({ statusCode: 400 });
    await vi.waitFor(() => {
      expect(isClosed).toBe(true);
    });
  });

  it.each([
    [200, 'hello', false],
    [301, '', false],
    [404, 'not found', false],
    [500, '{"errors":["null"]}', true],
  ])('takes HTTP %d for a failed write, with %j', async (status, body, temporary) => {
    const { url } = await startKairosServer((response) => {
      response.writeHead(status, { 'retry-after': '3', location: '/elsewhere' }).end(body);
      return true;
    });
    await expect(writerTo(url).write(['m,h=a v=1 0'])).rejects.toMatchObject({
      message: `HTTP ${status}: ${status === 500 ? 'null' : 'this is no answer of a KairosDB; check the URL'}`,
      temporary,
      retryAfterMs: 3000,
      statusCode: status,
    });
  });

  it('takes a server that is away, or breaks off, for one that may come back', async () => {
    const { url, server } = await startKairosServer((response) => {
      response.destroy();
      return true;
    });
    const writer = writerTo(url);
    await expect(writer.write(['m,h=a v=1 0'])).rejects.toMatchObject({ temporary: true });
    server.close();
    await once(server, 'close');
    await expect(writer.write(['m,h=a v=1 0'])).rejects.toMatchObject({
      message: expect.stringContaining('ECONNREFUSED') as string,
      temporary: true,
    });
  });
});
