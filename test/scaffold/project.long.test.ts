import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createKapacitorPeer } from '../../src/peer/kapacitor-peer.js';
import { createProject } from '../../src/scaffold/create-project.js';
import { dialUnix } from '../../src/transport/dial-unix.js';
import { installPackage } from '../support/package-install.js';
import { tempDir, tempDirForFile } from '../support/temp-dir.js';
import { until } from '../support/until.js';

const packages = ['@types/node', 'ts-blank-space', 'typescript', 'vitest'];

/** Runs a script of a project's package.json. */
async function npm(directory: string, ...args: string[]): Promise<{ code: number; output: string }> {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(VITEST|NODE_ENV)/.test(name)),
  );
  const child = spawn('npm', args, { cwd: directory, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const [code] = (await once(child, 'close')) as [number];
  return { code, output };
}

describe.each([
  ['of a stream', false],
  ['of batches', true],
])('a new project %s', (_edges, batch) => {
  const directory = tempDirForFile();

  beforeAll(async () => {
    await createProject({ name: 'myRate', batch, directory });
    installPackage(directory, packages);
  }, 60_000);

  test('passes npm test at once, types included', { timeout: 120_000 }, async () => {
    const { code, output } = await npm(directory, 'test');
    expect(output).toMatch(batch ? /1 passed/ : /2 passed/);
    expect(code).toBe(0);
  });

  test('fails npm test with an enum, which Node.js could not run', { timeout: 120_000 }, async () => {
    const file = join(directory, 'src/my-rate.ts');
    const source = readFileSync(file, 'utf8');
    writeFileSync(file, `${source}export enum Unit { Second }\n`);
    onTestFinished(() => {
      writeFileSync(file, source);
    });
    const { code, output } = await npm(directory, 'test');
    expect(output).toContain("This syntax is not allowed when 'erasableSyntaxOnly' is enabled");
    expect(code).not.toBe(0);
  });

  test('prints its part of kapacitor.conf', { timeout: 60_000 }, async () => {
    const { code, output } = await npm(directory, 'run', '--silent', 'config');
    expect({ code, output }).toEqual({
      code: 0,
      output: `[udf.functions.myRate]\nsocket = "${join(directory, 'sockets/myRate.sock')}"\ntimeout = "10s"\n`,
    });
  });
});

test(
  'npm run dev runs each change of the source on the same connection, with its state',
  { timeout: 60_000 },
  async () => {
    const directory = tempDir();
    await createProject({ name: 'myRate', directory });
    installPackage(directory, packages);
    const manifest = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as {
      scripts: { dev: string };
    };
    // Without npm, which passes no signal on.
    const [command, ...args] = manifest.scripts.dev.split(' ');
    const host = spawn(join(directory, 'node_modules/.bin', command!), args, {
      cwd: directory,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const ended = once(host, 'close');
    onTestFinished(async () => {
      host.kill('SIGKILL');
      await ended;
    });
    let log = '';
    host.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
    await until('it is ready', () => log.includes('"ready"'));
    const peer = createKapacitorPeer(await dialUnix(join(directory, 'sockets/myRate.sock')));
    onTestFinished(() => {
      peer.abort();
    });
    await peer.init(".field('usage')");
    peer.point({ time: 1n, name: 'cpu', fields: { usage: 1 } });
    await peer.received({ points: 1 });
    const file = join(directory, 'src/my-rate.ts');
    writeFileSync(file, readFileSync(file, 'utf8').replace('value - last', '10 * (value - last)'));
    await until('it is reloaded', () => log.includes('reloaded after a change of src/my-rate.ts'));
    peer.point({ time: 2n, name: 'cpu', fields: { usage: 4 } });
    await peer.received({ points: 2 });
    const { points } = await peer.stop();
    expect(points.map(({ fields }) => fields)).toEqual([{ usage: 1 }, { usage: 4, change: 30 }]);
  },
);
