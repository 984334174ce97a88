import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { DataObserver } from '../../../src/agent/agent.js';
import { createHost, type HostOptions } from '../../../src/host/host.js';
import { isLoopback, isLoopbackName } from '../../../src/host/http/address.js';
import type { HostFigures } from '../../../src/host/http/figures.js';
import { type PointSamples, PointSampler } from '../../../src/host/http/point-samples.js';
import { createKapacitorPeer, type KapacitorPeer } from '../../../src/peer/kapacitor-peer.js';
import { dialUnix } from '../../../src/transport/dial-unix.js';
import { encodeRequest } from '../../../src/wire/messages.js';
import { mirror, mirrorBatch } from '../../../udfs/index.js';
import { isolatedInMemory, isolatedUdfs } from '../../support/isolated.js';
import { silentLogger } from '../../support/silent-logger.js';
import { tempDir } from '../../support/temp-dir.js';
import { pointRequest } from '../../support/udf-messages.js';
import { until } from '../../support/until.js';

async function start(options: Partial<HostOptions> = {}) {
  const directory = tempDir();
  const definitions = [mirror, mirrorBatch];
  const pathOf = (udf: string): string => join(directory, `${udf}.sock`);
  const host = createHost({
    sockets: definitions.map((definition) => ({ definition, path: pathOf(definition.name) })),
    logger: silentLogger,
    http: '0',
    ...options,
  });
  onTestFinished(() => host.stop());
  await host.start();
  const url = host.httpUrl!.replace('0.0.0.0', '127.0.0.1');
  const json = async (path: string): Promise<unknown> => (await fetch(url + path)).json();
  return {
    url,
    figures: () => json('/figures') as Promise<HostFigures>,
    points: (udf = 'mirror') => json(`/points?udf=${udf}&task=load&node=udf2`) as Promise<PointSamples>,
    connect: async (udf = 'mirror'): Promise<KapacitorPeer> => {
      const kapacitor = createKapacitorPeer(await dialUnix(pathOf(udf)), { taskId: 'load' });
      onTestFinished(() => {
        kapacitor.abort();
      });
      await kapacitor.init();
      return kapacitor;
    },
  };
}

describe('the live page', () => {
  test('is served with its parts, which may load nothing else', async () => {
    const { url } = await start();
    for (const [path, type] of [
      ['/', 'text/html'],
      ['/live.css', 'text/css'],
      ['/live.js', 'text/javascript'],
    ] as const) {
      const response = await fetch(url + path);
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toContain(type);
      expect(response.headers.get('content-security-policy')).toMatch(
        /^default-src 'none'; script-src 'self'; style-src 'self'; /,
      );
      const body = await response.text();
      expect(body.length).toBeGreaterThan(500);
      expect(body).not.toMatch(/https?:|innerHTML|<script>| on\w+=| style=/);
    }
  });

  test('has the figures of each use, and the UDFs that no task uses', async () => {
    const { figures, connect } = await start();
    const kapacitor = await connect();
    for (let time = 1n; time <= 3n; time++) kapacitor.point({ time, name: 'cpu', fields: { v: 1 } });
    await kapacitor.received({ points: 3 });
    expect(await figures()).toMatchObject({
      readiness: { ready: true },
      accepted: 1,
      refused: 0,
      omitted: 0,
      points: true,
      udfs: ['mirror', 'mirrorBatch'],
      uses: [
        {
          udf: 'mirror',
          task: 'load',
          node: 'udf2',
          connections: 1,
          pointsIn: 3,
          pointsOut: 3,
          errors: 0,
          pointsDropped: 0,
          restarts: 0,
          queuedIn: 0,
          queuedOut: 0,
        },
      ],
    });
  });
});

describe('points', () => {
  test('of a use are seen from the first look on, the newest first', async () => {
    const { points, connect } = await start();
    const kapacitor = await connect();
    expect(await points()).toEqual({ input: [], output: [] });
    const tags = { host: 'a' };
    kapacitor.point({ time: 1n, name: 'cpu', tags, dimensions: ['host'], fields: { v: 1.5, n: 2n, s: 'x' } });
    kapacitor.point({ time: 1514979051065000001n, name: 'cpu', fields: { v: NaN } });
    await kapacitor.received({ points: 2 });
    const seen = [
      { time: '1514979051065000001', name: 'cpu', group: '', fields: { v: 'NaN' } },
      { time: '1', name: 'cpu', group: 'host=a', fields: { v: '1.5', n: '2i', s: '"x"' } },
    ];
    expect(await points()).toMatchObject({ input: seen, output: seen });
  });

  test('are a few of each look, however many pass, and the last 20 are kept', async () => {
    const { points, connect } = await start();
    const kapacitor = await connect();
    await points();
    let sent = 0;
    for (let look = 1; look <= 6; look++) {
      for (let count = 0; count < 1_000; count++) {
        kapacitor.point({ time: BigInt(++sent), name: 'cpu', fields: { v: 'x'.repeat(500) } });
      }
      await kapacitor.received({ points: sent });
      const { input, output } = await points();
      expect(input).toHaveLength(Math.min(5 * look, 20));
      expect(output).toHaveLength(Math.min(5 * look, 20));
      expect(input[0]!.fields.v!.length).toBeLessThan(200);
    }
  });

  test('of batches are seen too', async () => {
    const { points, connect } = await start();
    const kapacitor = await connect('mirrorBatch');
    await points('mirrorBatch');
    const batch = { name: 'cpu', time: 9n, points: [{ time: 5n, fields: { v: 1 } }] };
    kapacitor.batch(batch);
    await kapacitor.received({ batches: 1 });
    const seen = [{ time: '5', fields: { v: '1' } }];
    expect(await points('mirrorBatch')).toMatchObject({ input: seen, output: seen });
  });

  test('are shown at an address that others reach only if that is asked for', async () => {
    const open = await start({ http: '0.0.0.0:0' });
    expect((await fetch(`${open.url}/points?udf=a&task=b&node=c`)).status).toBe(403);
    expect((await open.figures()).points).toBe(false);
    const wanted = await start({ http: '0.0.0.0:0', httpPoints: true });
    expect((await fetch(`${wanted.url}/points?udf=a&task=b&node=c`)).status).toBe(200);
    const unwanted = await start({ httpPoints: false });
    expect((await fetch(`${unwanted.url}/points?udf=a&task=b&node=c`)).status).toBe(403);
  });
});

describe('a page of another site that has made its name mean this machine', () => {
  const ask = async (url: string, path: string): Promise<{ status: number; body: string }> => {
    const sent = request(`${url}${path}`, { headers: { host: 'evil.example:80' } }).end();
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    return { status: response.statusCode!, body: await text(response) };
  };
  const paths = ['/figures', '/points?udf=a&task=b&node=c', '/metrics'];

  test.each(paths)('gets nothing of %s', async (path) => {
    const { url } = await start();
    expect(await ask(url, path)).toEqual({
      status: 403,
      body: '{"error":"this is shown to this machine only, by the name localhost or its address"}\n',
    });
    expect((await fetch(`${url}${path}`)).status).toBe(200);
  });

  test.each(paths)('gets %s where all may see the points', async (path) => {
    const { url } = await start({ httpPoints: true });
    expect((await ask(url, path)).status).toBe(200);
  });

  test('learns no more than that the host lives and is ready', async () => {
    const { url } = await start();
    expect(await ask(url, '/healthz')).toMatchObject({ status: 200 });
    expect(await ask(url, '/readyz')).toMatchObject({ status: 200 });
  });
});

describe('sampling', () => {
  const use = { udf: 'mirror', task: 'load', node: 'udf2' };

  test('leaves a connection alone before the first look, once it has its points, and after the last look', () => {
    const observers: (DataObserver | undefined)[] = [];
    const connection = {
      observe: (observer: DataObserver | undefined) => {
        observers.push(observer);
      },
    };
    const sampler = new PointSampler(() => [connection]);
    expect(observers).toEqual([]);
    sampler.look(use);
    expect(observers).toEqual([expect.anything()]);
    const frame = encodeRequest(pointRequest({ time: 1n, name: 'cpu', fields: { v: 1 } }));
    for (let count = 0; count < 5; count++) observers[0]!.input(frame, 0, 1, frame.length);
    expect(observers).toHaveLength(1); // no output yet
    observers[0]!.output([Buffer.concat(Array<Buffer>(100).fill(frame))]);
    expect(observers.slice(1)).toEqual([undefined]);
    expect(sampler.look(use)).toMatchObject({ input: { length: 5 }, output: { length: 5 } });
    expect(observers.at(-1)).toBeDefined();
    sampler.close();
    expect(observers.at(-1)).toBeUndefined();
  });

  test('follows at most eight uses: the one that was chosen first is given up', () => {
    const watched = new Set<string>();
    const sampler = new PointSampler(({ task }) => [
      {
        observe: (observer) => {
          if (observer) watched.add(task);
          else watched.delete(task);
        },
      },
    ]);
    for (let task = 0; task < 20; task++) sampler.look({ ...use, task: String(task) });
    expect([...watched]).toEqual(['12', '13', '14', '15', '16', '17', '18', '19']);
    sampler.close();
    expect(watched.size).toBe(0);
  });

  test('sees the points of an isolated UDF where they pass its host', async () => {
    const udfs = await isolatedUdfs(new URL('../isolation/modules/reporting.mjs', import.meta.url));
    const { agent, kapacitor } = isolatedInMemory(udfs.get('mirror')!);
    await kapacitor.init();
    const sampler = new PointSampler(() => [agent]);
    sampler.look(use);
    kapacitor.point({ time: 7n, name: 'cpu', fields: { v: 1 } });
    await kapacitor.received({ points: 1 });
    await until('both are seen', () => sampler.look(use).output.length > 0);
    expect(sampler.look(use)).toMatchObject({ input: [{ time: '7' }], output: [{ time: '7' }] });
    sampler.close();
  });
});

test.each([
  ['127.0.0.1', true],
  ['127.8.0.1', true],
  ['::1', true],
  ['0:0:0:0:0:0:0:1', true],
  ['localhost', true],
  ['0.0.0.0', false],
  ['::', false],
  ['::11', false],
  ['192.0.2.1', false],
  ['localhost.example', false],
])('only this machine reaches %s: %s', (host, expected) => {
  expect(isLoopback(host)).toBe(expected);
  expect(isLoopbackName(host.includes(':') ? `[${host}]:80` : `${host}:80`)).toBe(expected);
});
