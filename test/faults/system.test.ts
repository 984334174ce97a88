import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { connect } from '../support/connect.js';
import { smallDisk } from '../support/small-disk.js';
import { Cli, cli, runCli, serve } from '../support/spawn-cli.js';
import { tempDir } from '../support/temp-dir.js';
import { pointRequest } from '../support/udf-messages.js';
import { until } from '../support/until.js';
import { Bystander } from './support/bystander.js';

const support = (name: string): string => fileURLToPath(new URL(`support/${name}`, import.meta.url));
const load = ['--load', support('faulty.mjs')];
const bad = pointRequest({ time: 1n, name: 'cpu', fields: { fault: 'throw', text: 'x'.repeat(1000) } });

const isRoot = process.getuid?.() === 0;

describe('dead letters', () => {
  test('on a full disk are kept in memory, with one line, and the task goes on', async (context) => {
    const disk = smallDisk(context);
    const directory = tempDir();
    const options = ['--socket-dir', directory, '--dead-letter', disk, '--on-error', 'drop'];
    const host = await serve([...load, ...options]);
    const bystander = await Bystander.on(join(directory, 'mirror.sock'));
    const kapacitor = await connect(join(directory, 'faulty.sock'));
    await kapacitor.init();
    for (let sent = 0; sent < 200; sent++) kapacitor.send(bad);
    kapacitor.send(pointRequest({ time: 2n, name: 'cpu', fields: { v: 1 } }));
    await host.untilLogged('dead letters cannot be written');
    await kapacitor.end();
    expect(kapacitor.points).toHaveLength(1);
    const lines = host.log.filter(({ msg }) => String(msg).startsWith('dead letters cannot be written'));
    expect(lines).toEqual([
      expect.objectContaining({ udf: 'faulty', task: 'task', node: 'node', code: 'ENOSPC' }),
    ]);
    await bystander.expectUntouched();
    expect((await host.stop()).code).toBe(0);
  });
});

test('a full disk ends a recording with one line, not the conversation', async (context) => {
  const disk = smallDisk(context);
  const directory = tempDir();
  await serve(['mirror', '--socket-dir', directory]);
  const sockets = ['--listen', join(directory, 'recorded.sock'), '--socket', join(directory, 'mirror.sock')];
  const recorder = new Cli(['record', '--proxy', ...sockets, '--out', disk]);
  await recorder.untilLogged('ready');
  const kapacitor = await connect(join(directory, 'recorded.sock'));
  await kapacitor.init();
  for (let sent = 0; sent < 200; sent++) kapacitor.send(bad);
  await recorder.untilLogged('recording');
  await kapacitor.end();
  expect(kapacitor.points).toHaveLength(200);
  const lines = recorder.log.filter(({ level }) => level === 'warn' || level === 'error');
  expect(lines).toEqual([
    expect.objectContaining({ msg: expect.stringMatching(/no space|ENOSPC/) as string }),
  ]);
  expect((await recorder.stop()).code).toBe(0);
});

describe('a directory that denies access', () => {
  test.each(['--socket-dir', '--record', '--dead-letter'])(
    'given as %s is one line at the start',
    async (flag) => {
      const directory = tempDir();
      chmodSync(directory, 0o755);
      const closed = join(directory, 'closed');
      mkdirSync(closed, 0o555);
      const options = flag === '--socket-dir' ? [] : ['--socket-dir', join(directory, 'open')];
      mkdirSync(join(directory, 'open'));
      chmodSync(join(directory, 'open'), 0o777);
      const { code, stderr } = await runCli(
        ['serve', 'mirror', ...options, flag, closed],
        isRoot ? { uid: 65534 } : {},
      );
      expect(code).toBe(1);
      expect(stderr.trim().split('\n').at(-1)).toMatch(/permission denied|no permission/);
      expect(readdirSync(closed)).toEqual([]);
    },
  );
});

test.each([
  ['the spool of a feed', ['feed', '--demo', 'adsl', '--url', 'http://127.0.0.1:1?db=none', '--spool']],
  ['recordings', ['record', '--proxy', '--listen', 'a.sock', '--socket', 'b.sock', '--out']],
])('a directory that denies access, given for %s, is one line', async (_what, args) => {
  const directory = tempDir();
  chmodSync(directory, 0o755);
  const closed = join(directory, 'closed');
  mkdirSync(closed, 0o555);
  const { code, stderr } = await runCli([...args, closed], isRoot ? { uid: 65534 } : {});
  expect(code).toBe(1);
  expect(stderr.trim().split('\n').at(-1)).toMatch(
    /^kapacitor-udf: cannot (spool|record) to .*: permission denied/,
  );
  expect(readdirSync(closed)).toEqual([]);
});

test('without descriptors for more connections, those that are open go on, and new ones work afterwards', async () => {
  const directory = tempDir();
  const command = `ulimit -n 128; exec "${process.execPath}" "${cli}" serve mirror --socket-dir "${directory}"`;
  const host = spawn('sh', ['-c', command], { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  host.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  onTestFinished(() => {
    host.kill('SIGKILL');
  });
  await until('it is ready', () => log.includes('"ready"'));
  const path = join(directory, 'mirror.sock');
  const bystander = await Bystander.on(path);
  const others = await Promise.all(Array.from({ length: 200 }, () => connect(path)));
  await until('connections beyond the limit are closed', () => others.some(({ ended }) => ended));
  expect(log.match(/the system allows 128 open files/g)).toHaveLength(1);
  for (const { socket } of others) socket.destroy();
  let served = false;
  await until('a new connection is served', () => {
    void Bystander.on(path).then(
      (later) => {
        served = true;
        return later.expectUntouched(5000);
      },
      () => undefined,
    );
    return served;
  });
  await bystander.expectUntouched(5000);
  expect(host.exitCode).toBeNull();
});

test('steps of the clock change nothing', async () => {
  const directory = tempDir();
  const execArgv = ['--import', support('step-clock.mjs')];
  const host: Cli = await serve(['mirror', '--socket-dir', directory], { execArgv });
  const bystander = await Bystander.on(join(directory, 'mirror.sock'));
  await until('it has streamed through some steps', () => bystander.sent > 500n);
  await bystander.expectUntouched();
  expect(host.log.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
  expect((await host.stop()).code).toBe(0);
});
