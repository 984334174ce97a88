import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createHost, type Host, type HostOptions } from '../../src/host/host.js';
import { createLogger } from '../../src/telemetry/create-logger.js';
import { defineUdf } from '../../src/udf/definition.js';
import { bundledUdfs, mirror, mirrorBatch } from '../../udfs/index.js';
import { adslPoints } from '../support/adsl.js';
import { connect } from '../support/connect.js';
import { silentLogger } from '../support/silent-logger.js';
import { liveSocket } from '../support/socket-files.js';
import { tempDir } from '../support/temp-dir.js';
import { pointRequest } from '../support/udf-messages.js';
import { until } from '../support/until.js';

/** A host that listens, until the test is over. */
async function start(
  options: Partial<HostOptions> = {},
): Promise<{ host: Host; path: string; directory: string }> {
  const directory = tempDir();
  const path = join(directory, 'mirror.sock');
  const host = createHost({ sockets: [{ definition: mirror, path }], logger: silentLogger, ...options });
  onTestFinished(() => host.stop());
  await host.start();
  return { host, path, directory };
}

const requests = adslPoints.map(pointRequest);

/** A UDF whose handlers wait until the gate is opened. */
function gated() {
  let open!: () => void;
  const gate = new Promise<void>((resolve) => (open = resolve));
  let waiting = 0;
  const definition = defineUdf({
    name: 'gated',
    wants: 'stream',
    provides: 'stream',
    async point(point, { emit }) {
      waiting++;
      await gate;
      emit(point);
    },
  });
  return { definition, open, waiting: () => waiting };
}

describe('a host', () => {
  test('serves many UDFs on many sockets, and many connections on each', async () => {
    const directory = tempDir();
    const sockets = bundledUdfs.map((definition) => ({
      definition,
      path: join(directory, `${definition.name}.sock`),
    }));
    const { host } = await start({ sockets });
    for (const { definition, path } of sockets) {
      for (const kapacitor of await Promise.all([connect(path), connect(path)])) {
        kapacitor.send({ kind: 'info' });
        const { wants, provides, options } = await kapacitor.next('info');
        expect({ wants, provides }).toEqual({ wants: definition.wants, provides: definition.provides });
        expect(Object.keys(options)).toEqual(Object.keys(definition.options));
      }
    }
    expect(host.stats.accepted).toBe(2 * sockets.length);
  });

  test('makes sockets for its own user and group alone unless told otherwise', async () => {
    const { path } = await start();
    expect(statSync(path).mode & 0o777).toBe(0o660);
  });

  test('refuses connections beyond its limit, and takes new ones when others have ended', async () => {
    const { host, path } = await start({ maxConnections: 2 });
    const first = await connect(path);
    const second = await connect(path);
    await Promise.all([first.init(), second.init()]);
    const third = await connect(path);
    await third.closed();
    expect(third.responses).toEqual([]);
    expect(host.stats).toMatchObject({ accepted: 2, refused: 1 });

    await first.end();
    await until('the first is gone', () => host.stats.udfs[0]?.connections === 1);
    const fourth = await connect(path);
    await fourth.init();
    second.send(...requests);
    await second.end();
    expect(second.points).toHaveLength(requests.length);
  });

  test('goes on serving others when one connection sends garbage, or is cut off', async () => {
    const { path } = await start();
    const [good, bad, cut] = await Promise.all([connect(path), connect(path), connect(path)]);
    await Promise.all([good.init(), cut.init()]);
    good.send(...requests.slice(0, 5));
    bad.input.write(Buffer.alloc(1000, 0xff));
    expect((await bad.next('error')).error).toContain('length');
    await bad.closed();
    cut.send(...requests);
    cut.socket.destroy();
    good.send(...requests.slice(5));
    await good.end();
    expect(good.points).toHaveLength(requests.length);
  });

  test('tells what each UDF has done, over open and ended connections', async () => {
    const { host, path } = await start();
    const [one, two] = await Promise.all([connect(path), connect(path)]);
    await Promise.all([one.init(), two.init()]);
    one.send(...requests);
    await one.end();
    two.send(requests[0]!);
    await two.next('point');
    await until('the first is gone', () => host.stats.udfs[0]?.connections === 1);
    expect(host.stats.udfs).toMatchObject([
      { udf: 'mirror', connections: 1, stats: { pointsIn: 18, pointsOut: 18 } },
    ]);
  });
});

describe('a host that stops', () => {
  test('removes its sockets and takes no more connections', async () => {
    const { host, path, directory } = await start();
    await host.stop();
    expect(readdirSync(directory)).toEqual([]);
    await expect(connect(path)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('handles and sends all that Kapacitor had written, though it had not been read', async () => {
    const { host, path } = await start();
    const kapacitor = await connect(path);
    await kapacitor.init();
    // Handed to the system within this turn of the event loop, in which the host reads nothing.
    for (let copy = 0; copy < 50; copy++) kapacitor.send(...requests);
    const stopped = host.stop();
    await kapacitor.closed();
    await stopped;
    expect(kapacitor.points).toHaveLength(50 * requests.length);
  });

  test('waits for handlers that are busy, and handles what waits for them', async () => {
    const { definition, open, waiting } = gated();
    const path = join(tempDir(), 'gated.sock');
    const { host } = await start({ sockets: [{ definition, path }] });
    const kapacitor = await connect(path);
    await kapacitor.init();
    kapacitor.send(...requests);
    await until('a handler waits', () => waiting() === 1);
    const stopped = host.stop();
    open();
    await stopped;
    await kapacitor.closed();
    expect(kapacitor.points).toHaveLength(requests.length);
  });

  test('cuts off what is not finished within its time, and says so', async () => {
    const { definition, waiting } = gated();
    const path = join(tempDir(), 'gated.sock');
    const lines: string[] = [];
    const logger = createLogger({ level: 'info', destination: { write: (line) => lines.push(line) } });
    const { host } = await start({ sockets: [{ definition, path }], drainMs: 20, logger });
    const kapacitor = await connect(path);
    await kapacitor.init();
    kapacitor.send(requests[0]!);
    await until('a handler waits', () => waiting() === 1);
    await host.stop();
    await until('the connection is cut', () => kapacitor.ended);
    expect(lines.join('')).toContain('connections are cut off: not drained within 20 ms');
  });

  test('is not held up for long by a Kapacitor that goes on writing', async () => {
    const { host, path } = await start();
    const kapacitor = await connect(path);
    await kapacitor.init();
    const writing = setInterval(() => {
      if (kapacitor.socket.writable) kapacitor.send(...requests);
    }, 0);
    onTestFinished(() => {
      clearInterval(writing);
    });
    await kapacitor.next('point');
    await host.stop();
    expect(host.stats.udfs).toMatchObject([{ connections: 0 }]);
  });

  test('may be stopped twice, and before it has started', async () => {
    const { host } = await start();
    await Promise.all([host.stop(), host.stop()]);
    const directory = tempDir();
    const other = createHost({
      sockets: [{ definition: mirror, path: join(directory, 'a.sock') }],
      logger: silentLogger,
    });
    const starting = other.start();
    await other.stop();
    await starting;
    expect(readdirSync(directory)).toEqual([]);
    await expect(other.start()).rejects.toMatchObject({ code: 'invalid_argument' });
  });

  test('can remove its files at once, for a process that must exit', async () => {
    const { host, path } = await start();
    host.removeFiles();
    expect(existsSync(path)).toBe(false);
  });
});

describe('a host that cannot start', () => {
  test('leaves no socket open when one of them fails', async () => {
    const directory = tempDir();
    const paths = ['a', 'b', 'c'].map((name) => join(directory, `${name}.sock`));
    await liveSocket(paths[1]!);
    await expect(
      start({ sockets: paths.map((path) => ({ definition: mirror, path })) }),
    ).rejects.toMatchObject({
      code: 'socket_in_use',
    });
    expect(readdirSync(directory)).toEqual(['b.sock']);
  });

  test.each<[string, Partial<HostOptions>, string]>([
    ['no socket', { sockets: [] }, 'there is no socket to listen on'],
    [
      'two UDFs on one socket',
      { sockets: [mirror, mirrorBatch].map((definition) => ({ definition, path: '/tmp/x/../a.sock' })) },
      'two UDFs cannot share the socket /tmp/a.sock',
    ],
    ['no connections', { maxConnections: 0 }, 'maxConnections must be a whole number from 1, got 0'],
    ['a mode that is none', { socketMode: 0o1000 }, 'socketMode must be from 0 to 0o777, got 512'],
    ['a time that is none', { drainMs: -1 }, 'drainMs must be a whole number from 0 to 2147483647, got -1'],
    [
      'a time that is longer than a timer can be',
      { drainMs: 2 ** 31 },
      'drainMs must be a whole number from 0 to 2147483647, got 2147483648',
    ],
    [
      'a group that is not there',
      { socketGroup: 'no such group' },
      'there is no group "no such group" in /etc/group',
    ],
    [
      'a limit that is none',
      { limits: { inputBytes: 1.5 } },
      'limit inputBytes must be a whole number from 0, got 1.5',
    ],
  ])('says so of %s', (_what, options, message) => {
    const sockets = [{ definition: mirror, path: '/tmp/a.sock' }];
    expect(() => createHost({ sockets, logger: silentLogger, ...options })).toThrow(message);
  });

  test.each([
    [{ onError: 'explode' }, 'onError must be one of stop, drop, pass, got explode'],
    [{ maxGroups: 0 }, 'maxGroups must be a whole number from 1, got 0'],
    [{ groupTtl: -5n }, 'groupTtl must be a bigint of nanoseconds above 0, got -5'],
    [{ groupTtl: 5 }, 'groupTtl must be a bigint of nanoseconds above 0, got 5'],
  ])('says so of %o, as it may come from JavaScript', (defaults, message) => {
    const sockets = [{ definition: mirror, path: '/tmp/a.sock' }];
    const options = { sockets, logger: silentLogger, ...defaults } as HostOptions;
    expect(() => createHost(options)).toThrow(message);
  });

  test("says so of the policy 'pass' for a UDF that provides something else than it wants", () => {
    const definition = defineUdf({
      name: 'counter',
      wants: 'batch',
      provides: 'stream',
      batch: () => undefined,
    });
    const sockets = [{ definition, path: '/tmp/a.sock' }];
    expect(() => createHost({ sockets, logger: silentLogger, onError: 'pass' })).toThrow(
      "onError 'pass' needs UDFs that provide what they want; counter does not",
    );
  });
});
