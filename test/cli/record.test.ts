import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { dialUnix } from '../../src/transport/dial-unix.js';
import { createKapacitorPeer } from '../../src/peer/kapacitor-peer.js';
import { readBoth } from '../support/recorded.js';
import { run } from '../support/run-program.js';
import { Cli, serve } from '../support/spawn-cli.js';
import { tempDir } from '../support/temp-dir.js';

describe('record --proxy', () => {
  test('records a task before a UDF of any host; on SIGTERM it drains, removes its socket and exits with 0', async () => {
    const directory = tempDir();
    const [listen, socket, out] = ['recorded.sock', 'mirror.sock', 'out'].map((name) =>
      join(directory, name),
    ) as [string, string, string];
    await serve(['mirror', '--socket-dir', directory]);
    const proxy = new Cli(['record', '--proxy', '--listen', listen, '--socket', socket, '--out', out]);
    await proxy.untilLogged('ready');
    const kapacitor = createKapacitorPeer(await dialUnix(listen));
    await kapacitor.info();
    await kapacitor.init();
    kapacitor.point({ time: 1n, name: 'cpu', fields: { value: 1 } });
    await kapacitor.received({ points: 1 });
    expect(await proxy.stop()).toEqual({ code: 0, signal: null });
    expect(existsSync(listen)).toBe(false);
    const [file, ...others] = readdirSync(out);
    expect(others).toEqual([]);
    expect(file).toMatch(/^mirror-\d{8}T\d{6}\.\d{3}Z-1\.conversation$/);
    const { requests, responses, kinds } = await readBoth(join(out, file!));
    expect(requests.map(({ kind }) => kind)).toEqual(['info', 'init', 'point']);
    const answers = responses.map(({ kind }) => kind).filter((kind) => kind !== 'keepalive'); // some precede the end
    expect(answers).toEqual(['info', 'init', 'point']);
    expect(kinds.at(-1)).toBe('close');
  });

  test.each([
    [
      ['--proxy'],
      'record --proxy needs --listen PATH, where Kapacitor connects, and --socket PATH, where the UDF is',
    ],
    [
      ['--proxy', '--listen', '/a/./b.sock', '--socket', '/a/b.sock'],
      '--listen and --socket are both /a/b.sock; the UDF and the proxy need one each',
    ],
    [[], 'say what to record: --proxy, or --from-influx QUERY'],
  ])('with a wrong command line says so in one line, with exit code 2 (%j)', async (args, problem) => {
    expect(await run('record', '--out', '/nowhere', ...args)).toEqual({
      code: 2,
      stdout: '',
      stderr: `kapacitor-udf: ${problem}\n`,
    });
  });

  test('says so when the directory cannot be made, with exit code 1', async () => {
    const directory = tempDir();
    const file = join(directory, 'file');
    writeFileSync(file, '');
    const args = ['--proxy', '--listen', join(directory, 'a.sock'), '--socket', join(directory, 'b.sock')];
    const { code, stderr } = await run('record', ...args, '--out', file);
    expect(code).toBe(1);
    expect(stderr).toMatch(`kapacitor-udf: cannot record to ${file}: `);
  });
});
