import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createHost } from '../../src/host/host.js';
import { encodeResponse } from '../../src/wire/messages.js';
import { mirror, movingAverage, outliers } from '../../udfs/index.js';
import { run } from '../support/run-program.js';
import { silentLogger } from '../support/silent-logger.js';
import { staleSocket } from '../support/socket-files.js';
import { tempDir } from '../support/temp-dir.js';

/** A host of two UDFs on sockets in a directory. */
async function hosted(): Promise<string> {
  const directory = tempDir();
  const sockets = [mirror, outliers].map((definition) => ({
    definition,
    path: join(directory, `${definition.name}.sock`),
  }));
  const host = createHost({ sockets, logger: silentLogger });
  onTestFinished(() => host.stop());
  await host.start();
  return directory;
}

/** Somebody who answers with these bytes, whatever is asked. */
async function answering(path: string, bytes: Buffer, end = false): Promise<void> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    if (end) socket.end(bytes);
    else socket.write(bytes);
  });
  await once(server.listen(path), 'listening');
  onTestFinished(() => {
    server.close();
  });
}

describe('check', () => {
  test('prints a line for each socket in the directory, and exits with 0 when all answer', async () => {
    const directory = await hosted();
    const { code, stdout, stderr } = await run('check', '--socket-dir', directory);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.split('\n')).toEqual([
      expect.stringMatching(`^ok    mirror    ${directory}/mirror.sock  stream -> stream, [0-9.]+ ms$`),
      expect.stringMatching(
        `^ok    outliers  ${directory}/outliers.sock  batch -> batch, [0-9.]+ ms; options field, onMissing, quartiles, scale$`,
      ),
      '',
    ]);
  });

  test('asks on the sockets that a kapacitor.conf names', async () => {
    const directory = await hosted();
    const file = join(directory, 'kapacitor.conf');
    writeFileSync(
      file,
      `[udf.functions.mirror]\nsocket = "${directory}/mirror.sock"\n[udf.functions.other]\nprog = "x"\n`,
    );
    const { code, stdout } = await run('check', '--config', file);
    expect(code).toBe(0);
    expect(stdout.match(/^\w+ +\w+/gm)).toEqual(['ok    mirror']);
  });

  test('exits with 1 when one does not answer, and says why', async () => {
    const directory = await hosted();
    await staleSocket(join(directory, 'stale.sock'));
    const { code, stdout } = await run('check', '--socket-dir', directory);
    expect(code).toBe(1);
    expect(stdout).toContain(
      `FAIL  stale     ${directory}/stale.sock  no process listens there; its host has ended; start the host: kapacitor-udf serve stale --socket-dir ${directory}\n`,
    );
    expect(stdout).toContain('ok    mirror');
  });

  test('exits with 1 when a UDF that is named has no socket', async () => {
    const directory = await hosted();
    const { code, stdout } = await run('check', 'mirror', 'edgeDetect', '--socket-dir', directory);
    expect(code).toBe(1);
    expect(stdout).toContain(
      `FAIL  edgeDetect  ${directory}/edgeDetect.sock  there is no socket; start the host: kapacitor-udf serve edgeDetect --socket-dir ${directory}\n`,
    );
  });

  test('only counts the options of a UDF beyond eight', async () => {
    const directory = tempDir();
    const path = join(directory, 'movingAverage.sock');
    const host = createHost({ sockets: [{ definition: movingAverage, path }], logger: silentLogger });
    onTestFinished(() => host.stop());
    await host.start();
    const { stdout } = await run('check', '--socket-dir', directory);
    expect(stdout).toMatch(/; options as, emitPartial, field, keep, .*, onMissing, period and 1 more\n$/);
  });

  test('names the host of the file that names the socket', async () => {
    const directory = tempDir();
    const file = join(directory, 'kapacitor.conf');
    writeFileSync(file, `[udf.functions.mirror]\nsocket = "${directory}/mirror.sock"\n`);
    const { code, stdout } = await run('check', '--config', file);
    expect(code).toBe(1);
    expect(stdout).toContain(`  there is no socket; start the host: kapacitor-udf serve --config ${file}\n`);
  });

  test('as JSON says the same to a program', async () => {
    const directory = await hosted();
    const { code, stdout } = await run('check', 'mirror', 'gone', '--socket-dir', directory, '--json');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toEqual([
      {
        name: 'mirror',
        socket: `${directory}/mirror.sock`,
        ok: true,
        wants: 'stream',
        provides: 'stream',
        options: [],
        ms: expect.any(Number) as number,
      },
      {
        name: 'gone',
        socket: `${directory}/gone.sock`,
        ok: false,
        error: `there is no socket; start the host: kapacitor-udf serve gone --socket-dir ${directory}`,
      },
    ]);
  });

  test('exits with 1 in a directory without sockets: no host runs there', async () => {
    const directory = tempDir();
    expect(await run('check', '--socket-dir', directory)).toEqual({
      code: 1,
      stdout: '',
      stderr: `kapacitor-udf: no UDF answers in ${directory}: there is no socket; is the host running?\n`,
    });
  });

  test.each([
    ['says nothing', Buffer.alloc(0), false, 'no answer to info within 50 ms'],
    ['hangs up', Buffer.alloc(0), true, 'the agent closed the connection without answering info'],
    [
      'is no UDF',
      Buffer.from('HTTP/1.1 400 Bad Request\r\n'.repeat(10)),
      false,
      'these bytes are not a Response',
    ],
    [
      'refuses',
      encodeResponse({ kind: 'error', error: 'not today' }),
      false,
      'it answers with an error: not today',
    ],
    [
      'never answers keepalives',
      encodeResponse({ kind: 'info', wants: 'stream', provides: 'stream', options: {} }),
      false,
      'no answer to a keepalive within 50 ms',
    ],
  ])('exits with 1 when somebody %s', async (_what, bytes, end, problem) => {
    const directory = tempDir();
    await answering(join(directory, 'a.sock'), bytes, end);
    // Where something comes, however late on a busy machine, it must be that which counts.
    const timeout = problem.startsWith('no answer') ? '50ms' : '10s';
    const { code, stdout } = await run('check', '--socket-dir', directory, '--timeout', timeout);
    expect(code).toBe(1);
    expect(stdout).toContain(`FAIL  a  ${directory}/a.sock  ${problem}`);
  });
});
