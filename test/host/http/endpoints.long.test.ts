import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect as connectTcp, createServer, type Socket } from 'node:net';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createHost, type Host, type HostOptions } from '../../../src/host/host.js';
import { httpUrl, parseHttpAddress } from '../../../src/host/http/address.js';
import { defineUdf } from '../../../src/udf/definition.js';
import { mirror } from '../../../udfs/index.js';
import { adslPoints } from '../../support/adsl.js';
import { connect } from '../../support/connect.js';
import { type Metric, parsePrometheus, valueOf } from '../../support/prometheus-text.js';
import { silentLogger } from '../../support/silent-logger.js';
import { tempDir } from '../../support/temp-dir.js';
import { pointRequest } from '../../support/udf-messages.js';
import { until } from '../../support/until.js';

/** A host that serves HTTP on a port that the system chose, until the test is over. */
async function start(
  options: Partial<HostOptions> = {},
): Promise<{ host: Host; url: string; port: number; path: string }> {
  const path = join(tempDir(), 'mirror.sock');
  const host = createHost({
    sockets: [{ definition: mirror, path }],
    logger: silentLogger,
    http: '0',
    ...options,
  });
  onTestFinished(() => host.stop());
  await host.start();
  const url = host.httpUrl ?? 'http://none';
  return { host, url, port: Number(new URL(url).port), path };
}

/** A connection to a port that sends these bytes, and what it got. It is closed when the test is over. */
async function raw(port: number, bytes: string): Promise<{ socket: Socket; received: () => string }> {
  const socket = connectTcp(port, '127.0.0.1');
  onTestFinished(() => {
    socket.destroy();
  });
  let received = '';
  socket.setEncoding('latin1').on('data', (text: string) => (received += text));
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(bytes);
  return { socket, received: () => received };
}

const ask = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n';

describe('an address', () => {
  test.each([
    ['9091', '127.0.0.1', 9091],
    ['0', '127.0.0.1', 0],
    ['0.0.0.0:9091', '0.0.0.0', 9091],
    ['[::1]:9091', '::1', 9091],
    ['udf-host.example:65535', 'udf-host.example', 65_535],
  ])('%s is host %s and port %d', (text, host, port) => {
    expect(parseHttpAddress(text)).toEqual({ host, port });
  });

  test.each([
    ...['', ':9091', '9091x', '-1', '1.2.3:80', '1.2.3.4.5:80', '::1:80', '[::1]', '[1.2.3.4]:80'],
    ...[
      'http://host:80',
      'host',
      'host:',
      'ho st:80',
      'a..b:80',
      '[]:80',
      '[zz]:80',
      '9091\n',
      '+80',
      '0x50',
    ],
  ])('%j is none', (text) => {
    expect(() => parseHttpAddress(text)).toThrow('is not an address; write it as 9091');
  });

  test('has a port of at most 65535', () => {
    expect(() => parseHttpAddress('host:65536')).toThrow('the port 65536 is above 65535');
  });

  test('that is valid comes back from its URL', () => {
    const host = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain());
    fc.assert(
      fc.property(host, fc.nat(65_535), (name, port) => {
        const { host: parsed } = new URL(httpUrl({ host: name, port }));
        const text = name.includes(':') ? `[${name}]:${port}` : `${name}:${port}`;
        expect(parseHttpAddress(text)).toEqual({ host: name, port });
        expect(parsed.length).toBeGreaterThan(0);
      }),
    );
  });
});

describe('the HTTP server of a host', () => {
  test('answers that the process is well, and that its sockets listen', async () => {
    const { url } = await start();
    const healthy = await fetch(`${url}/healthz`);
    expect([healthy.status, await healthy.json()]).toEqual([200, { healthy: true }]);
    const ready = await fetch(`${url}/readyz?verbose`);
    expect([ready.status, await ready.json()]).toEqual([200, { ready: true }]);
    expect(ready.headers.get('content-type')).toBe('application/json');
  });

  test('is not there unless asked for, and listens on the loopback address alone unless given another', async () => {
    const { url } = await start();
    expect(new URL(url).hostname).toBe('127.0.0.1');
    const { host } = await start({ http: undefined });
    expect(host.httpUrl).toBeUndefined();
  });

  test('shows what each use does, as Prometheus reads it', async () => {
    const { host, url, path } = await start();
    const kapacitor = await connect(path);
    await kapacitor.init();
    kapacitor.send(...adslPoints.map(pointRequest));
    await kapacitor.next('point');
    const response = await fetch(`${url}/metrics`);
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const metrics = parsePrometheus(await response.text());
    const use = { udf: 'mirror', task: 'task', node: 'node' };
    expect(valueOf(metrics, 'kapacitor_udf_points_received_total', use)).toBe(adslPoints.length);
    expect(valueOf(metrics, 'kapacitor_udf_host_ready')).toBe(1);
    await kapacitor.end();
    await until('the connection is closed', () => host.stats.udfs[0]!.connections === 0);
    let later: ReadonlyMap<string, Metric>;
    do {
      later = parsePrometheus(await (await fetch(`${url}/metrics`)).text()); // which may be a moment old
    } while (valueOf(later, 'kapacitor_udf_connections', use) !== 0);
    expect(valueOf(later, 'kapacitor_udf_points_received_total', use)).toBe(adslPoints.length);
  });

  test('is not ready while it stops, with the reason, but healthy', async () => {
    let open!: () => void;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const gated = defineUdf({
      name: 'gated',
      wants: 'stream',
      provides: 'stream',
      point: () => gate,
    });
    const path = join(tempDir(), 'gated.sock');
    const { host, url } = await start({ sockets: [{ definition: gated, path }] });
    const kapacitor = await connect(path);
    await kapacitor.init();
    kapacitor.send(pointRequest(adslPoints[0]!));
    await until('the handler waits', () => host.stats.udfs[0]!.stats.pointsIn === 1);
    const stopped = host.stop();
    const ready = await fetch(`${url}/readyz`);
    expect([ready.status, await ready.json()]).toEqual([503, { ready: false, reason: 'the host stops' }]);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    open();
    await stopped;
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
  });

  test('is not ready before the sockets listen', () => {
    const host = createHost({
      sockets: [{ definition: mirror, path: join(tempDir(), 'mirror.sock') }],
      logger: silentLogger,
    });
    expect(host.readiness).toEqual({ ready: false, reason: 'the host starts: 0 of 1 sockets listen' });
  });

  test('is not ready once a socket file is gone: nothing can connect there', async () => {
    const { url, path } = await start();
    rmSync(path);
    const ready = await fetch(`${url}/readyz`);
    expect([ready.status, await ready.json()]).toEqual([
      503,
      { ready: false, reason: `the socket ${path} was removed or replaced; restart the host` },
    ]);
  });

  test('says what there is, and which methods it takes', async () => {
    const { url } = await start();
    const unknown = await fetch(`${url}/metric`);
    expect([unknown.status, await unknown.text()]).toEqual([
      404,
      'there is no such page; there are /healthz, /readyz, /metrics, /, /live.css, /live.js, /figures, /points\n',
    ]);
    const posted = await fetch(`${url}/metrics`, { method: 'POST', body: 'x'.repeat(100_000) });
    expect([posted.status, posted.headers.get('allow'), await posted.text()]).toEqual([
      405,
      'GET, HEAD',
      '/metrics takes GET and HEAD only\n',
    ]);
    const head = await fetch(`${url}/metrics`, { method: 'HEAD' });
    expect([head.status, Number(head.headers.get('content-length')) > 1000, await head.text()]).toEqual([
      200,
      true,
      '',
    ]);
  });

  test('that cannot listen keeps the host from starting, and no socket stays', async () => {
    const taken = createServer();
    taken.listen(0, '127.0.0.1');
    await once(taken, 'listening');
    onTestFinished(() => void taken.close());
    const { port } = taken.address() as { port: number };
    await expect(start({ http: String(port) })).rejects.toMatchObject({
      code: 'socket_in_use',
      message: `cannot listen on http://127.0.0.1:${port}: another process does; stop it, or choose another port`,
    });
    await expect(start({ http: '192.0.2.1:0' })).rejects.toMatchObject({ code: 'socket_failed' });
    expect(() =>
      createHost({ sockets: [{ definition: mirror, path: '/x' }], logger: silentLogger, http: 'x' }),
    ).toThrow('http: "x" is not an address');
  });
});

describe('a hostile client', () => {
  test('that opens connections without end does not keep others out', async () => {
    const { url, port } = await start();
    const idle = await Promise.all(Array.from({ length: 200 }, () => raw(port, '')));
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    await until('the oldest are closed', () => idle.filter(({ socket }) => socket.closed).length >= 136);
    expect(idle.filter(({ socket }) => !socket.closed).length).toBeLessThanOrEqual(64);
  });

  test('that sends its header by drops is cut off within seconds', async () => {
    const { port } = await start();
    const { socket, received } = await raw(port, 'GET /healthz HTTP/1.1\r\n');
    const drops = setInterval(() => {
      if (socket.writable) socket.write('X-Drop: 1\r\n');
    }, 100);
    onTestFinished(() => {
      clearInterval(drops);
    });
    await until('it is cut off', () => socket.closed);
    expect(received()).toContain('408 Request Timeout');
  });

  test.each([
    ['a huge header', `GET /healthz HTTP/1.1\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`, '431 '],
    ['no HTTP at all', '\0\u0001\u0002 hello\r\n\r\n', '400 '],
    ['two lengths', 'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab', '400 '],
    ['a huge path', `GET /${'x'.repeat(50_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, '431 '],
  ])('that sends %s is refused', async (_what, bytes, status) => {
    const { url, port } = await start();
    const { socket, received } = await raw(port, bytes);
    await until('it is closed', () => socket.closed);
    expect(received()).toMatch(new RegExp(`^HTTP/1.1 ${status}`));
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  test('that announces a body gets its answer, and no more of its connection', async () => {
    const { port } = await start();
    const { socket, received } = await raw(
      port,
      'GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n',
    );
    await until('it is closed', () => socket.closed);
    expect(received()).toMatch(/^HTTP\/1.1 200 [^]*Connection: close/);
  });

  test('that never reads, or keeps its connection, does not delay the stop of the host', async () => {
    const { host, port } = await start();
    for (let client = 0; client < 10; client++) {
      const { socket } = await raw(port, ask);
      socket.pause();
      socket.write('GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(100));
    }
    const kept = httpRequest({ port, path: '/healthz', headers: { Connection: 'keep-alive' } }).end();
    const [response] = (await once(kept, 'response')) as [NodeJS.ReadableStream];
    response.resume();
    const before = performance.now();
    await host.stop();
    expect(performance.now() - before).toBeLessThan(2_000);
  });

  test('that asks for metrics all the time gets the same text for a while', async () => {
    const { url } = await start();
    const texts = await Promise.all(
      Array.from({ length: 50 }, async () => (await fetch(`${url}/metrics`)).text()),
    );
    expect(new Set(texts).size).toBeLessThan(25);
  });
});
