import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { createKapacitorPeer } from '../../../src/peer/kapacitor-peer.js';
import type { KapacitorPeer } from '../../../src/peer/interface.js';
import { dialUnix } from '../../../src/transport/dial-unix.js';
import { FaultyNetwork, freePort } from '../../support/faulty-network.js';
import { Cli, serve } from '../../support/spawn-cli.js';
import { tempDir } from '../../support/temp-dir.js';
import { until } from '../../support/until.js';

const module = fileURLToPath(new URL('../isolation/modules/faulty.mjs', import.meta.url));

/** Holds the names of the faults that have happened. */
let faults: string;

beforeAll(() => {
  faults = mkdtempSync(join(tmpdir(), 'faults-'));
  process.env.FAULTS_DIR = faults;
});

afterAll(() => {
  rmSync(faults, { recursive: true });
  delete process.env.FAULTS_DIR;
});

/** A host that proxies reach. */
function serveRemotely(port: number, ...args: readonly string[]): Promise<Cli> {
  const address = `tcp://127.0.0.1:${port}`;
  return serve(['faulty', '--load', module, '--listen', address, '--socket-dir', tempDir(), ...args]);
}

interface Setup {
  readonly host: Cli;
  readonly port: number;
  readonly network: FaultyNetwork;
  readonly proxy: Cli;
  readonly peer: KapacitorPeer;
}

function startProxy(port: number, ...args: readonly string[]): { proxy: Cli; directory: string } {
  const directory = tempDir();
  const to = `tcp://127.0.0.1:${port}`;
  const proxy = new Cli(['proxy', '--to', to, '--socket-dir', directory, ...args]);
  return { proxy, directory };
}

async function connectPeer(directory: string): Promise<KapacitorPeer> {
  const peer = createKapacitorPeer(await dialUnix(join(directory, 'faulty.sock')), {
    answerTimeoutMs: 60_000,
    keepaliveTimeoutMs: 4_000,
  });
  onTestFinished(() => {
    peer.abort();
  });
  return peer;
}

/** Kapacitor, a proxy, a network with faults, and a host. */
async function setUp({
  host: hostArgs = [],
  proxy: proxyArgs = [],
}: { host?: string[]; proxy?: string[] } = {}): Promise<Setup> {
  const port = await freePort();
  const host = await serveRemotely(port, ...hostArgs);
  const network = await FaultyNetwork.before(port);
  const { proxy, directory } = startProxy(network.port, ...proxyArgs);
  await proxy.untilLogged('ready');
  return { host, port, network, proxy, peer: await connectPeer(directory) };
}

const total = 20_000;

/** Sends points of ten groups, a few at a time. `during` is called between them. */
async function sendPoints(
  peer: KapacitorPeer,
  during: (sent: number) => Promise<void> | void = () => undefined,
): Promise<void> {
  const step = total / 100;
  for (let sent = 0; sent < total; sent += step) {
    for (let index = sent; index < sent + step; index++) {
      const tags = { host: `h${index % 10}` };
      peer.point({ time: BigInt(index), name: 'cpu', tags, dimensions: ['host'], fields: { value: index } });
    }
    await new Promise((resolve) => setImmediate(resolve));
    await during(sent + step);
  }
}

/** What a UDF that nothing has happened to emits: each point with its number in its group. */
const undisturbed = Array.from({ length: total }, (_, index) => [index, Math.floor(index / 10) + 1]);

function counts(peer: Pick<KapacitorPeer, 'points'>): unknown[] {
  return peer.points.map(({ fields }) => [fields.value, fields.count]);
}

/** A repeatable sequence of numbers in [0, 1). */
function randoms(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}

describe('a UDF on another machine', () => {
  test('gives the same output as one beside Kapacitor', async () => {
    const { peer, host, proxy } = await setUp();
    await peer.init();
    await sendPoints(peer);
    expect(counts(await peer.stop())).toEqual(undisturbed);
    await host.untilLogged('the session has ended');
    expect(await proxy.stop()).toEqual({ code: 0, signal: null });
  });

  test.each([1, 2, 3])('continues where it was when connections are cut at any byte (%i)', async (seed) => {
    const { peer, network, proxy } = await setUp();
    const random = randoms(seed);
    network.cutAfter = () => 60 + Math.floor(random() ** 3 * 400_000);
    await peer.init();
    const counted = [peer.snapshot()];
    await sendPoints(peer, async (sent) => {
      if (sent % 2_000 === 0) counted.push(peer.snapshot());
      if (sent % 1_000 === 0) await peer.received({ points: sent - 1_000 });
    });
    expect(counts(await peer.stop())).toEqual(undisturbed);
    await Promise.all(counted);
    expect(network.cuts).toBeGreaterThan(3);
    expect(proxy.logged('the session goes on')).toBe(true);
    expect(proxy.logged('the worker was lost')).toBe(false);
  });

  test.each(['SIGKILL', 'SIGTERM'] as const)(
    'continues from its last snapshot when its host ends by %s',
    async (signal) => {
      const setup = await setUp();
      const { peer, port, proxy } = setup;
      let { host } = setup;
      await peer.init();
      await sendPoints(peer, async (sent) => {
        if (sent % 5_000 !== 0) return;
        if (sent === 10_000) await peer.snapshot();
        await host.stop(signal);
        host = await serveRemotely(port);
      });
      expect(counts(await peer.stop())).toEqual(undisturbed);
      expect(proxy.logged('the worker was lost')).toBe(true);
    },
  );

  test('keeps its task while it cannot be reached, and input up to the journal', async () => {
    const { peer, network, proxy } = await setUp();
    await peer.init();
    await sendPoints(peer, async (sent) => {
      if (sent !== total / 2) return;
      network.isRefusing = true;
      network.cut();
      const before = network.accepted;
      setTimeout(() => {
        network.isRefusing = false;
      }, 5_000); // longer than Kapacitor waits for a keepalive
      await until('it is tried again', () => network.accepted > before + 1);
    });
    expect(counts(await peer.stop())).toEqual(undisturbed);
    expect(proxy.logged('input is kept meanwhile')).toBe(true);
  }, 60_000);

  test('notices a network that passes nothing on', async () => {
    const { peer, network, proxy } = await setUp();
    await peer.init();
    await sendPoints(peer, (sent) => {
      if (sent === total / 2) network.stall();
    });
    await vi.waitUntil(() => proxy.logged('has not been heard for 10000 ms'), 30_000);
    network.endStall();
    expect(counts(await peer.stop())).toEqual(undisturbed);
  }, 60_000);

  test.each(['exit', 'loop', 'timer'])('is replaced where it crashes or hangs: %s', async (fault) => {
    const { peer, proxy } = await setUp({ proxy: ['--handler-ms', '1000'] });
    await peer.init();
    for (let index = 0; index < 1_000; index++) {
      const fields = index === 500 ? { value: index, do: fault } : { value: index };
      peer.point({ time: BigInt(index), name: 'cpu', fields });
    }
    expect(counts(await peer.stop())).toEqual(
      Array.from({ length: 1_000 }, (_, index) => [index, index + 1]),
    );
    expect(proxy.logged('it is replaced, and the new one continues from its last snapshot')).toBe(true);
  });

  test('keeps each fault that repeats to the point that causes it', async () => {
    const { peer, proxy } = await setUp({ proxy: ['--on-error', 'drop'] });
    await peer.init();
    for (let index = 0; index < 1_000; index++) {
      const fields = index === 500 ? { value: index, do: 'exit always' } : { value: index };
      peer.point({ time: BigInt(index), name: 'cpu', fields });
    }
    const got = (await peer.stop()).points.map(({ fields }) => fields.value);
    expect(got).toEqual(Array.from({ length: 1_000 }, (_, index) => index).filter((index) => index !== 500));
    expect(proxy.logged('twice on the point at')).toBe(true);
  });

  test('is waited for where it does not run yet: there is no socket until then', async () => {
    const port = await freePort();
    const { proxy, directory } = startProxy(port);
    await proxy.untilLogged('there are no sockets until it answers');
    await expect(connectPeer(directory)).rejects.toMatchObject({ code: 'ENOENT' });
    await serveRemotely(port);
    await proxy.untilLogged('ready');
    const peer = await connectPeer(directory);
    await peer.init();
    await sendPoints(peer);
    expect(counts(await peer.stop())).toEqual(undisturbed);
  });

  test('lets its task stop while it is away, and gives Kapacitor the last state that is known', async () => {
    const { peer, network, proxy } = await setUp();
    await peer.init();
    peer.point({ time: 1n, name: 'cpu', fields: { value: 1 } });
    await peer.received({ points: 1 });
    const before = await peer.snapshot();
    network.isRefusing = true;
    network.cut();
    await proxy.untilLogged('is lost');
    expect(Buffer.from(await peer.snapshot())).toEqual(Buffer.from(before));
    await expect(peer.stop()).rejects.toThrow('has been away for 10000 ms as the task stops');
  }, 60_000);

  test('runs new code once its host has loaded it', async () => {
    const { peer, host, proxy } = await setUp();
    await peer.init();
    for (let index = 0; index < 10; index++)
      peer.point({ time: BigInt(index), name: 'cpu', fields: { value: index } });
    await peer.received({ points: 10 });
    host.process.kill('SIGHUP');
    await proxy.untilLogged('reloaded');
    for (let index = 10; index < 20; index++)
      peer.point({ time: BigInt(index), name: 'cpu', fields: { value: index } });
    expect(counts(await peer.stop())).toEqual(Array.from({ length: 20 }, (_, index) => [index, index + 1]));
    await vi.waitFor(() => {
      expect(host.log.filter(({ msg }) => msg === 'the session has ended')).toHaveLength(2);
    });
  });
});
