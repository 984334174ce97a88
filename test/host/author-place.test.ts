import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished, describe, expect, test } from 'vitest';
import { createKapacitorPeer } from '../../src/peer/kapacitor-peer.js';
import { dialUnix } from '../../src/transport/dial-unix.js';
import { serve } from '../support/spawn-cli.js';
import { tempDir } from '../support/temp-dir.js';

const source = `import { defineUdf } from 'kapacitor-udf';
export default defineUdf({
  name: 'mine', wants: 'stream', provides: 'stream',
  point: (point) => point.field('no such field').length,
});
`;
const bin = new URL('../../dist/src/cli/main.js', import.meta.url).pathname;

/** A directory with the UDF in `udfs/mine.mjs`, and a recording. */
function project(): string {
  const directory = tempDir();
  mkdirSync(join(directory, 'udfs'));
  writeFileSync(join(directory, 'udfs/mine.mjs'), source);
  writeFileSync(join(directory, 'data.lp'), 'cpu v=1 1\n');
  return directory;
}

describe('a handler that throws is named with its line, relative to the current directory,', () => {
  test.each([
    ['by replay', ['replay', 'data.lp', '--udf', 'mine', '--load', 'udfs/mine.mjs'], ''],
    ['by execd', ['execd', 'mine', '--load', 'udfs/mine.mjs'], 'cpu v=1 1\n'],
  ])('%s', (_how, args, input) => {
    const { stderr } = spawnSync(process.execPath, [bin, ...args], {
      cwd: project(),
      input,
      encoding: 'utf8',
    });
    expect(stderr).toContain('(at udfs/mine.mjs:4)');
  });

  test.each([
    ['in the host', []],
    ['in an isolated worker', ['--isolate']],
  ])('to Kapacitor and in the log: %s', async (_where, args) => {
    const directory = project();
    const module = join(directory, 'udfs/mine.mjs');
    const cli = await serve(['mine', '--load', module, '--socket-dir', directory, ...args]);
    const peer = createKapacitorPeer(await dialUnix(join(directory, 'mine.sock')), {
      answerTimeoutMs: 20_000,
    });
    onTestFinished(() => {
      peer.abort();
    });
    await peer.init();
    peer.point({ time: 1n, name: 'cpu', fields: { v: 1 } });
    await peer.closed;
    expect(peer.failure?.message).toContain(` on the point at 1 (at ${module}:4)`);
    expect(JSON.stringify(cli.log)).toContain(`(at ${module}:4)`);
    expect(await cli.stop()).toEqual({ code: 0, signal: null });
  });
});
