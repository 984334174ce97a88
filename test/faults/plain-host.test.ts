import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, test } from 'vitest';
import { connect } from '../support/connect.js';
import { type Cli, serve } from '../support/spawn-cli.js';
import { tempDir } from '../support/temp-dir.js';
import { batchRequests, pointRequest } from '../support/udf-messages.js';
import { until } from '../support/until.js';
import { Bystander } from './support/bystander.js';
import { bytesOf, point, stages } from './support/stages.js';

const load = ['--load', fileURLToPath(new URL('support/faulty.mjs', import.meta.url))];

let directory: string;
let host: Cli;
let bystander: Bystander;
/** Before the fault. */
let descriptors: number;

const openDescriptors = (): number => readdirSync(`/proc/${host.process.pid}/fd`).length;
const residentMiB = (): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${host.process.pid}/status`, 'utf8'))![1]) / 1024;
const socket = (udf: string): string => join(directory, `${udf}.sock`);

async function start(...options: readonly string[]): Promise<void> {
  directory = tempDir();
  host = await serve([...load, '--socket-dir', directory, '--handler-ms', '300', ...options]);
  bystander = await Bystander.on(socket('mirror'));
  descriptors = openDescriptors();
}

/** The lines at level `warn` and above. */
const problems = (): Readonly<Record<string, unknown>>[] =>
  host.log.filter(({ level }) => level === 'warn' || level === 'error');

/** Nothing of the fault is left, and the bystander has not noticed it. */
async function expectRecovered(maxKeepaliveMs?: number): Promise<void> {
  await until('descriptors are closed', () => openDescriptors() <= descriptors);
  await bystander.expectUntouched(maxKeepaliveMs);
  expect(host.process.exitCode).toBeNull();
}

describe("Kapacitor's side, ", () => {
  beforeEach(() => start());

  describe.each(Object.keys(stages))('%s,', (stage) => {
    const [udf, ...sent] = stages[stage]!;

    test('is killed', async () => {
      const kapacitor = await connect(socket(udf));
      kapacitor.socket.write(bytesOf(sent), () => kapacitor.socket.destroy());
      await expectRecovered();
    });

    test('half-closes', async () => {
      const kapacitor = await connect(socket(udf));
      kapacitor.socket.end(bytesOf(sent));
      await until('the host closes', () => kapacitor.ended);
      await expectRecovered();
      expect(problems().length).toBeLessThanOrEqual(1);
    });

    test('stalls, and the host still stops in time', async () => {
      const kapacitor = await connect(socket(udf));
      kapacitor.socket.write(bytesOf(sent));
      await until('it is served', () => openDescriptors() > descriptors);
      await bystander.expectUntouched();
      expect((await host.stop()).code).toBe(0);
    });
  });

  test('reads slowly: nothing is lost', async () => {
    const slow = await connect(socket('faulty'));
    await slow.init();
    slow.socket.pause();
    const text = 'x'.repeat(1000);
    for (let time = 0n; time < 5000n; time++) {
      slow.send(pointRequest({ time, name: 'cpu', fields: { text } }));
    }
    const toggling = setInterval(() => {
      if (slow.socket.isPaused()) slow.socket.resume();
      else slow.socket.pause();
    }, 5);
    await until('part of it has come', () => slow.points.length > 1000);
    clearInterval(toggling);
    slow.socket.resume();
    await slow.end();
    expect(slow.points).toHaveLength(5000);
    await expectRecovered();
  });

  test('connects a thousand times', async () => {
    const before = residentMiB();
    const all: Awaited<ReturnType<typeof connect>>[] = [];
    while (all.length < 1000) {
      // The answers show that these are accepted: connect() fails with EAGAIN if too many wait for that.
      const some = await Promise.all(Array.from({ length: 100 }, () => connect(socket('faulty'))));
      await Promise.all(some.map((kapacitor) => kapacitor.init()));
      all.push(...some);
    }
    for (const kapacitor of all) kapacitor.send(point());
    await Promise.all(all.map((kapacitor) => kapacitor.end()));
    expect(all.every(({ points }) => points.length === 1)).toBe(true);
    expect(residentMiB() - before).toBeLessThan(150);
    // This process, which measures, plays a thousand clients too.
    await expectRecovered(3000);
  });
});

describe('a UDF that', () => {
  beforeEach(() => start('--on-error', 'drop'));

  test.each([
    ['never', 'a handler took longer than 300 ms (handlerMs)', 500],
    // A loop that never lets the event loop run holds up the others until the limit ends it: only --isolate avoids that.
    ['emit without end', 'bytes are waiting for Kapacitor to read them (outputBytes)', 5000],
    ['emit without end, awaiting', 'bytes are waiting for Kapacitor to read them (outputBytes)', 5000],
  ])('does not end (%s) loses its connection, with one line', async (fault, message, maxKeepaliveMs) => {
    const before = residentMiB();
    const kapacitor = await connect(socket('faulty'));
    await kapacitor.init();
    kapacitor.socket.pause();
    kapacitor.send(point({ fault }));
    await host.untilLogged(message);
    kapacitor.socket.destroy();
    expect(residentMiB() - before).toBeLessThan(64 + 64);
    expect(problems()).toEqual([
      expect.objectContaining({
        udf: 'faulty',
        task: 'task',
        node: 'node',
        msg: expect.stringContaining(message) as string,
      }),
    ]);
    await expectRecovered(maxKeepaliveMs);
  });

  test('throws loses its point only, with one line', async () => {
    const kapacitor = await connect(socket('faulty'));
    await kapacitor.init();
    kapacitor.send(point({ fault: 'throw' }), point());
    await kapacitor.end();
    expect(kapacitor.points).toHaveLength(1);
    expect(problems()).toEqual([expect.objectContaining({ udf: 'faulty', task: 'task', node: 'node' })]);
    await expectRecovered();
  });

  test.each(['faulty', 'faultyBatch'])('emits after its batch or stop is told once (%s)', async (udf) => {
    const kapacitor = await connect(socket(udf));
    await kapacitor.init();
    const late = { time: 1n, name: 'cpu', fields: { fault: 'emit late' } };
    if (udf === 'faulty') kapacitor.send(pointRequest(late));
    else kapacitor.send(...batchRequests({ name: 'cpu', time: 1n, points: [late] }));
    if (udf === 'faulty') await kapacitor.end();
    else await kapacitor.closed();
    await until('it is logged', () => problems().length > 0);
    expect(problems()).toEqual([expect.objectContaining({ udf, task: 'task', node: 'node' })]);
    await expectRecovered();
  });

  test('leaks memory keeps it, and the others go on', async () => {
    const kapacitor = await connect(socket('faulty'));
    await kapacitor.init();
    for (let count = 0; count < 100; count++) kapacitor.send(point({ fault: 'leak' }));
    await kapacitor.end();
    expect(kapacitor.points).toHaveLength(100);
    await expectRecovered();
  });
});
