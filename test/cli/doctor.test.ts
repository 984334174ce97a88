import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createHost } from '../../src/host/host.js';
import { mirror } from '../../udfs/index.js';
import { run } from '../support/run-program.js';
import { silentLogger } from '../support/silent-logger.js';
import { tempDir } from '../support/temp-dir.js';

async function hosted(): Promise<string> {
  const directory = tempDir();
  const host = createHost({
    sockets: [{ definition: mirror, path: join(directory, 'mirror.sock') }],
    logger: silentLogger,
  });
  onTestFinished(() => host.stop());
  await host.start();
  return directory;
}

describe('doctor', () => {
  test('exits with 0 when there is no problem', async () => {
    const args = ['--no-kapacitor', '--kapacitor-user', '0', '--socket-dir', await hosted()];
    expect(await run('doctor', ...args)).toEqual({
      code: 0,
      stdout: 'checked: 1 UDF; no configuration; no Kapacitor\nno problem (0 notes)\n',
      stderr: '',
    });
  });

  test('exits with 1 when there is one, and says the same to a program', async () => {
    const directory = tempDir();
    const { code, stdout } = await run('doctor', '--no-kapacitor', '--socket-dir', directory, '--json');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toEqual({
      udfs: 0,
      tasks: 0,
      findings: [
        {
          severity: 'error',
          check: 'setup',
          what: `no UDF answers in ${directory}: there is no socket; is the host running?`,
          where: directory,
          remedy: `start it: kapacitor-udf serve --socket-dir ${directory}`,
        },
      ],
    });
  });

  test('exits with 1 when Kapacitor does not answer', async () => {
    const args = ['--kapacitor', 'http://127.0.0.1:1', '--socket-dir', await hosted()];
    const { code, stdout } = await run('doctor', ...args);
    expect(code).toBe(1);
    // A kapacitord that other tests of this machine run could be the one that has not opened its port yet.
    expect(stdout).toMatch(
      /no answer from Kapacitor at http:\/\/127\.0\.0\.1:1|does not listen at http:\/\/127\.0\.0\.1:1 yet/,
    );
  });

  test.each([
    [['--kapacitor', 'nowhere'], 'nowhere'],
    [
      ['--config', 'a', '--socket-dir', 'b'],
      "option '--config <file>' cannot be used with option '--socket-dir <dir>'",
    ],
    [['--timeout', 'soon'], '"soon" is not a duration'],
  ])('exits with 2 for %j', async (args, message) => {
    const { code, stdout, stderr } = await run('doctor', ...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
  });
});
