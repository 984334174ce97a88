import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { showStates } from '../../src/host/state/inspect-states.js';
import { createKapacitorPeer, type KapacitorPeer } from '../../src/peer/kapacitor-peer.js';
import { optionCalls } from '../../src/peer/options.js';
import { dialUnix } from '../../src/transport/dial-unix.js';
import { type Cli, runCli, serve } from '../support/spawn-cli.js';
import { stdioKinds } from '../support/stdio-cli.js';
import { pointRequest } from '../support/udf-messages.js';
import { tempDir } from '../support/temp-dir.js';

const options = ".field('v').size(1000)";

/** A host with a state directory. */
async function host(directory: string, ...args: readonly string[]): Promise<Cli> {
  const state = ['--state-dir', join(directory, 'state')];
  return serve(['movingAverage', '--socket-dir', directory, ...state, ...args]);
}

/** A task of the host that has started. */
async function task(directory: string, taskId = 'load'): Promise<KapacitorPeer> {
  const kapacitor = createKapacitorPeer(await dialUnix(join(directory, 'movingAverage.sock')), { taskId });
  await kapacitor.info();
  await kapacitor.init(options);
  return kapacitor;
}

/** Sends a point and returns the average. */
async function average(kapacitor: KapacitorPeer, v: number): Promise<unknown> {
  const before = kapacitor.points.length;
  kapacitor.point({
    time: BigInt(before + 1),
    name: 'cpu',
    group: 'host=a',
    tags: { host: 'a' },
    fields: { v },
  });
  await kapacitor.received({ points: before + 1 });
  return kapacitor.points[before]!.field('avg');
}

/** Waits until a state of so many points is stored. */
async function storedPoints(directory: string, count: number): Promise<void> {
  const end = performance.now() + 10_000;
  for (;;) {
    const [found] = await showStates(join(directory, 'state'), {}, { maxGroups: 1 });
    const state = found?.shown[0]?.state as { readonly count: number } | undefined;
    if (state?.count === count) return;
    if (performance.now() > end) throw new Error(`timed out waiting for a state of ${count} points`);
  }
}

const state = (directory: string, ...args: readonly string[]): ReturnType<typeof runCli> =>
  runCli(['state', ...args, '--state-dir', join(directory, 'state')]);

describe.each([[[]], [['--isolate']]])('serve --state-dir %j', (isolate) => {
  test('a moving average goes on after SIGTERM, and nothing is lost', async () => {
    const directory = tempDir();
    const first = await host(directory, '--state-interval', '1h', ...isolate);
    const before = await task(directory);
    expect(await average(before, 1)).toBe(1);
    expect(await average(before, 3)).toBe(2);
    expect(await first.stop()).toEqual({ code: 0, signal: null });
    await host(directory, ...isolate);
    expect(await average(await task(directory), 5)).toBe(3);
  });

  test('it goes on after kill -9 from what was stored at the interval', async () => {
    const directory = tempDir();
    const first = await host(directory, '--state-interval', '1ms', ...isolate);
    const before = await task(directory);
    await average(before, 1);
    await average(before, 3);
    await storedPoints(directory, 2);
    await first.stop('SIGKILL');
    await host(directory, ...isolate);
    expect(await average(await task(directory), 5)).toBe(3);
  });
});

describe('serve --state-dir', () => {
  test('a second host on the directory is refused, and says which process uses it', async () => {
    const directory = tempDir();
    const first = await host(directory);
    const other = tempDir();
    const { code, stderr } = await runCli([
      'serve',
      'movingAverage',
      '--socket-dir',
      other,
      '--state-dir',
      join(directory, 'state'),
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain(`another host (process ${first.process.pid}) uses it`);
  });
});

describe.each([[[]], [['--isolate']]])('stdio --state-dir %j', (isolate) => {
  test('a moving average goes on in the next process', async () => {
    const directory = tempDir();
    const averages: unknown[] = [];
    for (const v of [1, 3]) {
      const args = ['movingAverage', '--state-dir', join(directory, 'state'), ...isolate];
      const { cli, kapacitor } = stdioKinds.pipes(args);
      await kapacitor.init(optionCalls(options));
      kapacitor.send(pointRequest({ time: 1n, name: 'cpu', fields: { v } }));
      await kapacitor.next('point');
      await kapacitor.end();
      await cli.ended;
      averages.push(kapacitor.points[0]!.fields.avg);
    }
    expect(averages).toEqual([1, 2]);
  });
});

describe('state', () => {
  test('list shows a line for each use, show the state of groups', async () => {
    const directory = tempDir();
    const running = await host(directory);
    for (const name of ['load', 'rain']) await average(await task(directory, name), 3);
    await running.stop();
    const { stdout } = await state(directory, 'list');
    expect(stdout).toMatch(/load\s.*udf2.*movingAverage.*1.*field="v"/);
    expect(stdout).toMatch(/rain\s/);
    const listed = JSON.parse((await state(directory, 'list', '--task', 'rain', '--json')).stdout) as unknown;
    expect(listed).toEqual([
      expect.objectContaining({
        task: 'rain',
        node: 'udf2',
        udf: 'movingAverage',
        groups: 1,
        isReset: false,
      }),
    ]);
    const shown = await state(directory, 'show', '--task', 'load', '--group', 'host=a');
    expect(shown.stdout).toMatch(/^load udf2 @movingAverage\(\) {2}1 groups\n {2}host=a {2}\{.*count: 1/s);
    expect((await state(directory, 'show', '--group', 'host=b', '--json')).stdout).toContain('"shown": []');
  });

  test('reset lets a running task start afresh at once, and one that does not run when it starts', async () => {
    const directory = tempDir();
    const running = await host(directory);
    const kapacitor = await task(directory);
    await average(kapacitor, 1);
    const { code, stdout } = await state(directory, 'reset', '--task', 'load');
    // Nothing has been stored yet, so no state matches: a use is named in full.
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    const named = ['--task', 'load', '--node', 'udf2', '--udf', 'movingAverage'];
    expect((await state(directory, 'reset', ...named)).stdout).toContain(
      `load udf2 @movingAverage(): reset by the running host (process ${running.process.pid})`,
    );
    await running.untilLogged('state reset');
    expect(await average(kapacitor, 5)).toBe(5);
    await running.stop();
    expect((await state(directory, 'reset', '--all')).stdout).toContain('reset when their tasks start next');
    await host(directory);
    expect(await average(await task(directory), 7)).toBe(7);
  });

  test('reset without a filter is a mistake', async () => {
    const { code, stderr } = await state(tempDir(), 'reset');
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringContaining('say which states to reset: --task, --node, --udf, or --all') as string,
    });
  });

  test('says that there is no such directory', async () => {
    const { code, stderr } = await state(tempDir(), 'list');
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining('there is no such directory') as string,
    });
  });
});
