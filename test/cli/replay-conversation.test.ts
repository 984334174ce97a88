import { createWriteStream, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createHost } from '../../src/host/host.js';
import { ConversationWriter } from '../../src/recording/conversation/writer.js';
import { encodeRequest, encodeResponse } from '../../src/wire/messages.js';
import { mirror } from '../../udfs/index.js';
import { run } from '../support/run-program.js';
import { silentLogger } from '../support/silent-logger.js';
import { cli } from '../support/spawn-cli.js';
import { tempDir } from '../support/temp-dir.js';

const file = fileURLToPath(new URL('../recordings/kapacitor-1.5.7-adsl-mirror.requests', import.meta.url));

describe('replay of a recorded conversation', () => {
  test('shows nothing and exits with 0 where the UDF answers as it was recorded', async () => {
    const { code, stdout, stderr } = await run('replay', file, '--udf', 'mirror');
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(stderr).toMatch(
      /^task \S+, node \S+: \d+ requests, 19 answers as recorded, 0 missing, 0 extra\n$/,
    );
  });

  test('shows the difference and exits with 1 where it answers otherwise', async () => {
    const { code, stdout, stderr } = await run('replay', file, '--udf', 'edgeDetect');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^- init accepted$/m);
    expect(stdout).toMatch(/^\+ init refused: edgeDetect: one of \.field\(\) or \.tag\(\) is required/m);
    expect(stderr).toMatch(/ 0 answers as recorded, 19 missing,\n1 extra; /);
  });

  test('is the same against the agent on a socket, and against a child process', async () => {
    const path = join(tempDir(), 'mirror.sock');
    const host = createHost({ sockets: [{ definition: mirror, path }], logger: silentLogger });
    onTestFinished(() => host.stop());
    await host.start();
    for (const agent of [
      ['--socket', path],
      ['--exec', `'${process.execPath}' '${cli}' stdio mirror --log-level error`],
    ]) {
      expect(await run('replay', file, ...agent)).toMatchObject({ code: 0, stdout: '' });
    }
  });

  test('against a child process that ends at once says so', async () => {
    const { code, stderr } = await run('replay', file, '--exec', 'exit 3');
    expect(code).toBe(1);
    expect(stderr).toMatch(/after \d+ requests?: /);
  });

  test('of a recording that was cut off says so, and with --skip-bad goes as far as it goes', async () => {
    const whole = join(tempDir(), 'a.conversation');
    const writer = new ConversationWriter(createWriteStream(whole), {});
    writer.request(encodeRequest({ kind: 'init', taskID: 'task', nodeID: 'node', options: [] }));
    writer.response(encodeResponse({ kind: 'init', success: true, error: '' }));
    await writer.close();
    writeFileSync(whole, readFileSync(whole).subarray(0, -1));
    const { code, stderr } = await run('replay', whole, '--udf', 'mirror');
    expect(code).toBe(1);
    expect(stderr).toMatch(`kapacitor-udf: ${whole}: entry 3, byte `);
    expect(stderr).toContain(': the recording was cut off here; --skip-bad replays what is there\n');
    expect(await run('replay', whole, '--udf', 'mirror', '--skip-bad')).toMatchObject({
      code: 0,
      stderr: 'task task, node node: 1 request, 1 answers as recorded, 0 missing, 0 extra\n',
    });
  });

  test.each([
    ['--set', 'a=1'],
    ['--out', 'x.lp'],
    ['--expect', 'x.lp'],
    ['--html', 'x.html'],
    ['--speed', 'real'],
  ])('does not take %s, which is for recordings of points', async (option, value) => {
    const { code, stderr } = await run('replay', file, '--udf', 'mirror', option, value);
    expect(code).toBe(2);
    expect(stderr).toBe(
      `kapacitor-udf: ${option} is for recordings of points; ${file} is a conversation, which has its own options and answers\n`,
    );
  });
});
