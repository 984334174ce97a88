import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { run } from '../support/run-program.js';
import { Cli, runCli, serve } from '../support/spawn-cli.js';
import { tempDir } from '../support/temp-dir.js';

describe.runIf(existsSync('/dev/full'))('standard output that cannot be written', () => {
  test.each([['list'], ['list', '--json'], ['config'], ['--help'], ['--version'], ['completion', 'bash']])(
    'is an error with a message and exit code 1: %s %s',
    async (...args) => {
      const full = openSync('/dev/full', 'w');
      const command = new Cli(args, { stdio: ['ignore', full, 'pipe'] });
      closeSync(full);
      expect(await command.ended).toEqual({ code: 1, signal: null });
      expect(command.stderr).toBe(
        'kapacitor-udf: cannot write to standard output: no space left on device\n',
      );
    },
  );

  test('ends the demo with its host and directory', async () => {
    const temporary = tempDir();
    const full = openSync('/dev/full', 'w');
    const env = { ...process.env, TMPDIR: temporary };
    const demo = new Cli(['demo'], { stdio: ['ignore', full, 'pipe'], env });
    closeSync(full);
    expect(await demo.ended).toEqual({ code: 1, signal: null }); // standard error has ended: no host holds it open
    expect(demo.stderr).toContain(
      'kapacitor-udf: cannot write to standard output: no space left on device\n',
    );
    expect(readdirSync(temporary)).toEqual([]);
  });

  test('is an error of check', async () => {
    const directory = tempDir();
    await serve(['mirror', '--socket-dir', directory]);
    const full = openSync('/dev/full', 'w');
    const check = new Cli(['check', '--socket-dir', directory], { stdio: ['ignore', full, 'pipe'] });
    closeSync(full);
    expect(await check.ended).toEqual({ code: 1, signal: null });
    expect(check.stderr).toBe('kapacitor-udf: cannot write to standard output: no space left on device\n');
  });

  test('is none where its reader has seen enough', async () => {
    const command = new Cli(['list', '--json']);
    command.process.stdout!.destroy();
    expect(await command.ended).toEqual({ code: 0, signal: null });
    expect(command.stderr).toBe('');
  });
});

describe('completion', () => {
  const complete = async (...words: string[]): Promise<string[]> =>
    (await run('complete', '--', ...words)).stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t', 1)[0]!);

  test.each([
    [['ser'], ['serve', ':4']],
    [
      ['stdio', 'mirr'],
      ['mirror', 'mirrorBatch', ':4'],
    ],
    [
      ['serve', '--socket-dir', '/tmp', 'out'],
      ['outliers', ':4'],
    ],
    [
      ['serve', '--on-error', ''],
      ['stop', 'drop', 'pass', ':4'],
    ],
    [
      ['serve', '--on-error=d'],
      ['--on-error=drop', ':4'],
    ],
    [
      ['replay', '--udf', 'edge'],
      ['edgeDetect', ':4'],
    ],
    [
      ['list', '--js'],
      ['--json', ':4'],
    ],
    [
      ['tasks', 'st'],
      ['status', ':4'],
    ],
    [['check', '--config', ''], [':0']], // names of files
    [['replay', ''], [':0']],
    [
      ['completion', 'z'],
      ['zsh', ':4'],
    ],
  ])('of %j offers %j', async (words, offered) => {
    expect(await complete(...words)).toEqual(offered);
  });

  test.each(['bash', 'zsh', 'fish'])('has a script for %s', async (shell) => {
    const { code, stdout } = await runCli(['completion', shell]);
    expect(code).toBe(0);
    expect(stdout).toContain('kapacitor-udf complete --');
  });

  test('for bash can be loaded twice', async () => {
    const { stdout } = await run('completion', 'bash');
    const { stderr } = spawnSync('bash', { input: `${stdout}\n${stdout}`, encoding: 'utf8' });
    expect(stderr).toBe('');
  });
});

describe('logs', () => {
  test('are readable with --log-format pretty, and JSON where standard error is no terminal', async () => {
    const host = new Cli(['serve', 'mirror', '--socket-dir', tempDir(), '--log-format', 'pretty']);
    await new Promise<void>((resolve) => {
      host.process.stderr!.on('data', () => {
        if (host.stderr.includes('ready')) resolve();
      });
    });
    await host.stop();
    expect(host.stderr).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: mirror listens on .*$/m);
    const plain = await serve(['mirror', '--socket-dir', tempDir()]);
    expect(plain.log.length).toBeGreaterThan(0);
  });

  test('are warnings and errors only with --quiet', async () => {
    const directory = tempDir();
    const host = new Cli(['serve', 'mirror', '--socket-dir', directory, '--quiet']);
    await expect.poll(() => existsSync(join(directory, 'mirror.sock'))).toBe(true);
    expect(await host.stop()).toEqual({ code: 0, signal: null });
    expect(host.stderr).toBe('');
  });
});

test.each(['--socket-dir', '--record'])(
  'a directory for %s that cannot be made is refused at once',
  async (flag) => {
    const other = flag === '--record' ? ['--socket-dir', tempDir()] : [];
    const { code, stderr } = await runCli(['serve', 'mirror', ...other, flag, '/proc/none/x', '--quiet']);
    expect(code).toBe(1);
    expect(stderr).toContain(
      'cannot make the directory /proc/none/x: its file system takes no new directories',
    );
  },
);
