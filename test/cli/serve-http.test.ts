import { once } from 'node:events';
import { createServer } from 'node:net';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { createKapacitorPeer } from '../../src/peer/kapacitor-peer.js';
import { dialUnix } from '../../src/transport/dial-unix.js';
import { parsePrometheus, valueOf } from '../support/prometheus-text.js';
import { type Cli, runCli, serve } from '../support/spawn-cli.js';
import { tempDir } from '../support/temp-dir.js';

const faulty = fileURLToPath(new URL('../host/isolation/modules/faulty.mjs', import.meta.url));
const use = { udf: 'mirror', task: 'test' };

function urlOf(host: Cli): string {
  const line = host.log.find(({ url }) => typeof url === 'string');
  return String(line!.url);
}

async function scrape(url: string): Promise<ReturnType<typeof parsePrometheus>> {
  return parsePrometheus(await (await fetch(`${url}/metrics`)).text());
}

test('serve --http shows what a task does while its points stream, and its counters never go back', async () => {
  const directory = tempDir();
  const host = await serve(['mirror', '--socket-dir', directory, '--http', '0']);
  const url = urlOf(host);
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect((await fetch(`${url}/readyz`)).status).toBe(200);

  let sent = 0;
  let last = 0;
  for (let round = 0; round < 2; round++) {
    // A task that is enabled again is the same use, on a new connection.
    const kapacitor = createKapacitorPeer(await dialUnix(join(directory, 'mirror.sock')), {
      writes: 'coalesced',
    });
    await kapacitor.init();
    for (let block = 0; block < 20; block++) {
      for (let point = 0; point < 500; point++) {
        kapacitor.point({ time: BigInt(++sent), name: 'cpu', fields: { v: point } });
      }
      const received = valueOf(await scrape(url), 'kapacitor_udf_points_received_total', use) ?? 0;
      expect(received).toBeGreaterThanOrEqual(last);
      expect(received).toBeLessThanOrEqual(sent);
      last = received;
    }
    await kapacitor.received({ points: 10_000 });
    await kapacitor.stop();
  }

  let metrics = await scrape(url);
  while (valueOf(metrics, 'kapacitor_udf_connections', use) !== 0) {
    await sleep(10);
    metrics = await scrape(url);
  }
  expect(valueOf(metrics, 'kapacitor_udf_points_received_total', use)).toBe(sent);
  expect(valueOf(metrics, 'kapacitor_udf_points_sent_total', use)).toBe(sent);
  expect(valueOf(metrics, 'kapacitor_udf_handler_duration_seconds_sum', use)).toBeGreaterThan(0);
  expect(valueOf(metrics, 'kapacitor_udf_host_ready')).toBe(1);
  expect(valueOf(metrics, 'process_resident_memory_bytes')).toBeGreaterThan(0);

  expect(await host.stop()).toEqual({ code: 0, signal: null });
  await expect(fetch(url)).rejects.toThrow();
});

test('serve --http shows why the worker of an isolated UDF was replaced, and what its poison cost', async () => {
  const directory = tempDir();
  const faults = join(directory, 'faults');
  mkdirSync(faults);
  const host = await serve(
    ['--isolate', '--load', faulty, '--socket-dir', directory, '--on-error', 'drop', '--http', '0'],
    { env: { ...process.env, FAULTS_DIR: faults } },
  );
  const url = urlOf(host);
  const kapacitor = createKapacitorPeer(await dialUnix(join(directory, 'faulty.sock')), {
    answerTimeoutMs: 20_000,
  });
  await kapacitor.init();
  for (let time = 1; time <= 100; time++) {
    const action = time === 30 ? { do: 'exit' } : time === 60 ? { do: 'exit always' } : {};
    kapacitor.point({ time: BigInt(time), name: 'cpu', fields: { value: time, ...action } });
  }
  await kapacitor.received({ points: 99 });
  const snapshot = await kapacitor.snapshot();
  const metrics = await scrape(url);
  const isolated = { udf: 'faulty', task: 'test' };
  const valueIs = (name: string, labels = {}): number | undefined =>
    valueOf(metrics, `kapacitor_udf_${name}`, { ...isolated, ...labels });
  expect(valueIs('worker_restarts_total', { cause: 'exit' })).toBe(3); // once, and twice at the poison
  expect(valueIs('points_received_total')).toBe(100);
  expect(valueIs('points_sent_total')).toBe(99);
  expect(valueIs('points_dropped_total')).toBe(1);
  expect(valueIs('snapshots_total')).toBe(1);
  expect(valueIs('last_snapshot_size_bytes')).toBeGreaterThan(snapshot.length);
  expect(valueIs('last_snapshot_size_bytes')).toBeLessThan(snapshot.length + 20);
  await kapacitor.stop();
  expect(await host.stop()).toEqual({ code: 0, signal: null });
});

test('serve --http on a port that is in use ends with 1 and a line that says so, and leaves no socket', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  onTestFinished(() => void taken.close());
  const { port } = taken.address() as { port: number };
  const directory = tempDir();
  const args = ['serve', 'mirror', '--socket-dir', directory, '--http', String(port), '--log-level', 'error'];
  expect(await runCli(args)).toEqual({
    code: 1,
    stdout: '',
    stderr: `kapacitor-udf: cannot listen on http://127.0.0.1:${port}: another process does; stop it, or choose another port\n`,
  });
  expect(readdirSync(directory)).toEqual([]);
});
