import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, existsSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { adslPoints } from '../support/adsl.js';
import { connect, type Conversation } from '../support/connect.js';
import { cli } from '../support/spawn-cli.js';
import { tempDir } from '../support/temp-dir.js';
import { pointRequest } from '../support/udf-messages.js';
import { until } from '../support/until.js';

const module = (name: string): string => fileURLToPath(new URL(`modules/${name}`, import.meta.url));

/** A host whose log nobody reads until the test does. */
interface UnreadHost {
  readonly child: ChildProcess;
  readonly log: Readable;
  readonly path: string;
}

/** What standard output and standard error are, and their reading end. */
const outputs = {
  pipe: (): { readonly stdio: number | 'pipe'; readonly log?: Readable } => {
    const path = join(tempDir(), 'log');
    execFileSync('mkfifo', [path]);
    const reading = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stdio = openSync(path, 'w');
    return { stdio, log: new Socket({ fd: reading, readable: true, writable: false }) };
  },
  socket: (): { readonly stdio: number | 'pipe'; readonly log?: Readable } => ({ stdio: 'pipe' }),
} as const;

type Kind = keyof typeof outputs;
const kinds = Object.keys(outputs) as Kind[];

async function serveUnread(kind: Kind, udf: string, ...args: readonly string[]): Promise<UnreadHost> {
  const { stdio, log } = outputs[kind]();
  const directory = tempDir();
  const child = spawn(process.execPath, [cli, 'serve', udf, '--socket-dir', directory, ...args], {
    stdio: ['ignore', stdio, stdio],
  });
  if (typeof stdio === 'number') closeSync(stdio);
  const path = join(directory, `${udf}.sock`);
  onTestFinished(() => {
    child.kill('SIGKILL');
    log?.destroy();
  });
  await until('it listens', () => existsSync(path));
  return { child, log: log ?? child.stderr!, path };
}

async function keepaliveMs(kapacitor: Conversation): Promise<number> {
  const start = performance.now();
  kapacitor.send({ kind: 'keepalive', time: 1n });
  await kapacitor.next('keepalive');
  return performance.now() - start;
}

const entries = (log: string): Readonly<Record<string, unknown>>[] =>
  log
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe.each(kinds)('a host whose log, a %s, is not read', (kind) => {
  test('serves on, and when it is read tells in whole lines what is missing', async () => {
    const { child, log, path } = await serveUnread(kind, 'mirror');
    const taskID = 't'.repeat(2_000); // in each line, so that a few hundred fill the buffer
    for (let uses = 0; uses < 300; uses++) {
      const kapacitor = await connect(path);
      kapacitor.send({ kind: 'init', taskID, nodeID: 'node', options: [] });
      await kapacitor.next('init');
      await kapacitor.end();
    }
    const kapacitor = await connect(path);
    expect(await keepaliveMs(kapacitor)).toBeLessThan(1_000);
    let logged = '';
    log.setEncoding('utf8').on('data', (chunk: string) => (logged += chunk));
    await until('the notice is read', () => logged.includes('were dropped'));
    child.kill('SIGTERM');
    const [ended] = await Promise.all([once(child, 'exit'), once(log, 'end')]);
    expect(ended).toEqual([0, null]);
    const lines = entries(logged);
    expect(lines.filter(({ dropped }) => dropped !== undefined)).toEqual([
      expect.objectContaining({
        level: 'warn',
        msg: expect.stringMatching(/^\d+ log lines were dropped/) as string,
      }),
    ]);
    expect(lines.at(-1)).toMatchObject({ msg: 'stopped' });
  });

  test('ends in spite of that', async () => {
    const { child, path } = await serveUnread(kind, 'chatty', '--load', module('chatty.mjs'));
    for (let uses = 0; uses < 5; uses++) {
      const kapacitor = await connect(path);
      await kapacitor.init();
      kapacitor.send(pointRequest(adslPoints[0]!));
      await kapacitor.next('point');
    }
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  test('takes what its UDFs print', async () => {
    const { child, path } = await serveUnread(kind, 'printer', '--load', module('printer.mjs'));
    const kapacitor = await connect(path);
    await kapacitor.init();
    kapacitor.send(...adslPoints.slice(0, 4).map(pointRequest)); // a megabyte each
    await kapacitor.end();
    expect(kapacitor.points).toHaveLength(4);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });
});

describe.each(kinds)('a host whose log, a %s, is read', (kind) => {
  test('answers keepalives while a handler logs 100,000 lines with each point', async () => {
    const { log, path } = await serveUnread(kind, 'chatty', '--load', module('chatty.mjs'));
    log.resume();
    const [noisy, other] = [await connect(path), await connect(path)];
    await noisy.init();
    noisy.send(...adslPoints.map(pointRequest));
    let slowest = 0;
    while (noisy.points.length < adslPoints.length) slowest = Math.max(slowest, await keepaliveMs(other));
    expect(slowest).toBeLessThan(2_000);
  });

  test('writes the last lines before it exits, however many there are', async () => {
    const { child, log, path } = await serveUnread(
      kind,
      'bomb',
      '--load',
      module('bomb.mjs'),
      '--log-level',
      'debug',
    );
    for (let uses = 0; uses < 100; uses++) {
      const kapacitor = await connect(path);
      await kapacitor.init();
      await kapacitor.end();
    }
    const kapacitor = await connect(path);
    await kapacitor.init();
    const logged = text(log);
    kapacitor.send(pointRequest(adslPoints[0]!));
    expect(await once(child, 'exit')).toEqual([1, null]);
    expect(entries(await logged).at(-1)).toMatchObject({
      msg: expect.stringMatching(/^exits: .*boom/) as string,
    });
  });
});
