import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { adslChanges, adslPoints } from '../support/adsl.js';
import { connect, Conversation } from '../support/connect.js';
import { tempDir } from '../support/temp-dir.js';
import { pointRequest } from '../support/udf-messages.js';
import { until } from '../support/until.js';

const dist = new URL('../../dist/', import.meta.url).href;

/** What an embedder writes, in a process of its own that says which flags V8 gets. */
function embedder(call: string): { readonly child: ChildProcess; readonly stderr: () => string } {
  const script = `
    import v8 from 'node:v8';
    import { syncBuiltinESMExports } from 'node:module';
    const set = v8.setFlagsFromString;
    v8.setFlagsFromString = (flag) => { process.stderr.write('flag ' + flag + '\\n'); set(flag); };
    syncBuiltinESMExports();
    const { defineUdf, serve, serveStdio } = await import('${dist}src/index.js');
    const { edgeDetect } = await import('${dist}udfs/index.js');
    const mine = defineUdf({ name: 'mine', wants: 'stream', provides: 'stream', point(point, { emit }) { emit(point); } });
    ${call}
    process.stderr.write('end of the script\\n');`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script]);
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  onTestFinished(() => void child.kill('SIGKILL'));
  return { child, stderr: () => stderr };
}

const field = { name: 'field', args: [{ type: 'string', value: 'value' }] } as const;

describe('serve', () => {
  test('serves definitions until a signal, then finishes and lets the script go on', async () => {
    const socketDir = join(tempDir(), 'made', 'here');
    const { child, stderr } = embedder(
      `await serve([edgeDetect, mine], { socketDir: ${JSON.stringify(socketDir)} });`,
    );
    await until('it is ready', () => stderr().includes('"ready"'));
    expect(readdirSync(socketDir).sort()).toEqual(['edgeDetect.sock', 'mine.sock']);
    expect(statSync(socketDir).mode & 0o777).toBe(0o750);
    expect(stderr()).toContain('flag --max-inlined-bytecode-size=1000\n');
    const kapacitor = await connect(join(socketDir, 'edgeDetect.sock'));
    await kapacitor.init([field]);
    kapacitor.send(...adslPoints.map(pointRequest));
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
    await kapacitor.closed();
    expect(kapacitor.points.map(({ time, fields }) => [time, fields.value])).toEqual(adslChanges);
    expect(readdirSync(socketDir)).toEqual([]);
    expect(stderr()).toContain('end of the script\n');
  });

  test('rejects if it cannot listen, which ends the script with 1', async () => {
    const { child, stderr } = embedder(`await serve([mine], { socketDir: '/proc/none' });`);
    expect(await once(child, 'exit')).toEqual([1, null]);
    await until('its error is shown', () => stderr().includes('socket_failed'));
    expect(stderr()).toContain(
      'cannot make the directory /proc/none: its file system takes no new directories',
    );
  });
});

describe('serveStdio', () => {
  test('serves one definition on standard input and output', async () => {
    const { child, stderr } = embedder('await serveStdio(mine);');
    const kapacitor = new Conversation(child.stdin!, child.stdout!);
    await kapacitor.init();
    kapacitor.send(...adslPoints.map(pointRequest));
    await kapacitor.end();
    expect(kapacitor.points).toHaveLength(adslPoints.length);
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(stderr()).toContain('flag --max-inlined-bytecode-size=1000\n');
  });

  test('ends the script with 1 when the conversation fails', async () => {
    const { child } = embedder('await serveStdio(edgeDetect);');
    const kapacitor = new Conversation(child.stdin!, child.stdout!);
    await expect(kapacitor.init()).rejects.toThrow('one of .field() or .tag() is required');
    expect(await once(child, 'exit')).toEqual([1, null]);
  });
});
