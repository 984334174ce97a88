import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { run } from '../support/run-program.js';

const commands = [
  ...['new', 'serve', 'stdio', 'reload', 'state', 'list', 'config', 'check', 'doctor'],
  ...['replay', 'record', 'tasks', 'test', 'feed', 'demo', 'completion'],
];
const usage = (message: string) => ({
  code: 2,
  stdout: '',
  stderr: `kapacitor-udf: ${message}\n`,
});

describe('help', () => {
  test('of the program names every command', async () => {
    const { code, stdout } = await run('--help');
    expect(code).toBe(0);
    for (const command of commands) expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
    expect(stdout).toContain('Example');
  });

  test.each(commands)('of %s has its usage and an example', async (command) => {
    const { code, stdout, stderr } = await run(command, '--help');
    expect(await run('help', command)).toEqual({ code, stdout, stderr });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`Usage: kapacitor-udf ${command} `);
    expect(stdout).toMatch(/\nExamples?[:,]/);
  });

  test('of a part of a command is that of the part', async () => {
    expect(await run('help', 'tasks', 'apply')).toEqual(await run('tasks', 'apply', '--help'));
  });

  test('of serve names the default of every setting', async () => {
    const { stdout } = await run('serve', '--help');
    for (const option of stdout.split(/\n {2}(?=-)/).slice(1)) {
      if (/^(--config|--load|--strict-restore|--telemetry|--tls-|-q|-h)/.test(option)) continue;
      expect(option).toMatch(/default:/);
    }
  });

  test('is printed to standard error, with exit code 2, when there is no command', async () => {
    const { code, stdout, stderr } = await run();
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('Usage: kapacitor-udf');
  });
});

test('the version is that of the package', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  expect(await run('--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
});

describe('a wrong command line is told in one line, with exit code 2:', () => {
  test.each([
    [['srve'], "unknown command 'srve' (did you mean serve?); --help shows the usage"],
    [['help', 'srve'], "unknown command 'srve' (did you mean serve?); --help shows the usage"],
    [['list', '--jsn'], "unknown option '--jsn' (did you mean --json?); --help shows the usage"],
    [['serve', 'mirorr'], 'there is no UDF mirorr (did you mean mirror?)'],
    [['stdio'], "missing required argument 'name'; --help shows the usage"],
    [
      ['stdio', 'a', 'b'],
      "too many arguments for 'stdio'. Expected 1 argument but got 2; --help shows the usage",
    ],
    [
      ['serve', '--socket-dir', '/a', '--config', 'b'],
      "option '--config <file>' cannot be used with option '--socket-dir <dir>'; --help shows the usage",
    ],
    [
      ['config', '--process', '--socket-dir', '/a'],
      "option '--process' cannot be used with option '--socket-dir <dir>'; --help shows the usage",
    ],
    [
      ['serve', '--on-error', 'ignore'],
      "option '--on-error <policy>' argument 'ignore' is invalid. Allowed choices are stop, drop, pass; --help shows the usage",
    ],
    [
      ['serve', '--max-groups', '0'],
      "option '--max-groups <n>' argument '0' is invalid. It must be a whole number from 1; --help shows the usage",
    ],
    [
      ['serve', '--http', 'localhost'],
      "option '--http <address>' argument 'localhost' is invalid. \"localhost\" is not an address; write it as 9091, 0.0.0.0:9091, host:9091 or [::1]:9091; --help shows the usage",
    ],
    [
      ['serve', '--socket-mode', '999'],
      "option '--socket-mode <mode>' argument '999' is invalid. It must be three octal digits, like 660; --help shows the usage",
    ],
    [
      ['serve', '--message-bytes', '64MB'],
      "option '--message-bytes <size>' argument '64MB' is invalid. Write it as a number of bytes, or like 64KiB, 64MiB or 1GiB; --help shows the usage",
    ],
    [
      ['serve', '--group-ttl', '1 day'],
      "option '--group-ttl <duration>' argument '1 day' is invalid. \"1 day\" is not a duration; write it as 30s, 1m30s or 500ms, in the units w, d, h, m, s, ms, u, ns; --help shows the usage",
    ],
    [
      ['check', '--timeout', '0s'],
      "option '--timeout <duration>' argument '0s' is invalid. It must be at least 1ms; --help shows the usage",
    ],
    [
      ['config', '--timeout', '1ms'],
      "option '--timeout <duration>' argument '1ms' is invalid. It must be at least 2ms; --help shows the usage",
    ],
    ...['serve', 'stdio', 'record'].map((command): [string[], string] => [
      [command, '--drain-ms', '2147483648'],
      "option '--drain-ms <ms>' argument '2147483648' is invalid. It must be a whole number from 0 to 2147483647; --help shows the usage",
    ]),
    [
      ['serve', '--handler-ms', '2147483648'],
      "option '--handler-ms <ms>' argument '2147483648' is invalid. It must be a whole number from 0 to 2147483647; --help shows the usage",
    ],
    [
      ['serve', '--telemetry-interval', '25d'],
      "option '--telemetry-interval <duration>' argument '25d' is invalid. It must be at most 2147483647ms; --help shows the usage",
    ],
    [
      ['check', '--timeout', '4w'],
      "option '--timeout <duration>' argument '4w' is invalid. It must be at most 2147483647ms; --help shows the usage",
    ],
    [
      ['feed', '--flush', '2147483648ms'],
      "option '--flush <duration>' argument '2147483648ms' is invalid. It must be at most 2147483647ms; --help shows the usage",
    ],
    [
      ['list', '--log-level', 'loud'],
      "option '--log-level <level>' argument 'loud' is invalid. Allowed choices are debug, info, warn, error, silent; --help shows the usage",
    ],
    [
      ['serve', '--message-bytes', '0'],
      "option '--message-bytes <size>' argument '0' is invalid. It must be at least 1KiB; --help shows the usage",
    ],
    [
      ['serve', '--isolate', '--worker-memory', '1'],
      "option '--worker-memory <size>' argument '1' is invalid. It must be at least 16MiB; --help shows the usage",
    ],
    [
      ['check', '--to', 'tcp://127.0.0.1:1', '--tls-name', 'host'],
      'tcp://127.0.0.1:1 is not tls://, so that --tls-… has no use',
    ],
  ])('%j', async (args, message) => {
    expect(await run(...args)).toEqual(usage(message));
  });
});

describe('an option that would have no effect is refused:', () => {
  test.each([
    ['serve --dead-letter-bytes 1MiB', '--dead-letter-bytes', '--dead-letter'],
    ['execd mirror --state-interval 1s', '--state-interval', '--state-dir'],
    ['stdio mirror --state-max-age 1d', '--state-max-age', '--state-dir'],
    ['serve --telemetry-interval 1s', '--telemetry-interval', '--telemetry'],
    ['serve --http-points', '--http-points', '--http'],
    ['serve --no-http-points', '--no-http-points', '--http'],
    ['serve --tls-cert cert.pem', '--tls-cert', '--listen'],
    ['serve --allow-plaintext', '--allow-plaintext', '--listen'],
    ['check --tls-name host', '--tls-name', '--to'],
    ['serve --worker-memory 1GiB', '--worker-memory', '--isolate or --isolate-udf or --watch or --listen'],
    ['stdio mirror --journal-bytes 1MiB', '--journal-bytes', '--isolate or --isolate-udf'],
  ])('%s', async (line, option, needed) => {
    const message = `${option} has no effect without ${needed}; add that, or leave ${option} out`;
    expect(await run(...line.split(' '))).toEqual(usage(message));
  });
});

test('a stack is shown only with --log-level debug', async () => {
  const args = ['check', '--socket-dir', '/nowhere'];
  expect((await run(...args)).stderr.split('\n')).toHaveLength(2);
  const { stderr } = await run(...args, '--log-level', 'debug');
  expect(stderr).toMatch(
    /^kapacitor-udf: no UDF answers in \/nowhere: there is no such directory; is the host running, with this --socket-dir\?\n/,
  );
  expect(stderr).toMatch(/\n +at .*check/);
});
