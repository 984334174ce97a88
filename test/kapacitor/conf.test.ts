import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { configuredSockets } from '../../src/kapacitor/conf.js';
import { run } from '../support/run-program.js';
import { tempDir } from '../support/temp-dir.js';

function conf(text: string): string {
  const file = join(tempDir(), 'kapacitor.conf');
  writeFileSync(file, text);
  return file;
}

const both = `
hostname = "localhost"
[http]
  bind-address = ":9092"
[udf]
[udf.functions]
  [udf.functions.mirror]
    socket = "/run/mirror.sock"
    timeout = "10s"
  [udf.functions.other]
    prog = "/usr/bin/python"
    args = ["-u", "other.py"]
    timeout = "10s"
    [udf.functions.other.env]
      PYTHONPATH = "/x"
  [udf.functions.edgeDetect]
    socket = "/run/edge.sock"
`;

describe('the sockets of a kapacitor.conf', () => {
  test('are those of its sections, in order; UDFs that Kapacitor starts itself are named apart', () => {
    expect(configuredSockets(conf(both))).toEqual({
      sockets: [
        { name: 'mirror', path: '/run/mirror.sock' },
        { name: 'edgeDetect', path: '/run/edge.sock' },
      ],
      processes: ['other'],
    });
  });

  test('are those of the named UDFs alone if some are named', () => {
    expect(configuredSockets(conf(both), ['edgeDetect'])).toEqual({
      sockets: [{ name: 'edgeDetect', path: '/run/edge.sock' }],
      processes: [],
    });
  });

  test('may be written with a byte order mark, as some editors do', () => {
    expect(configuredSockets(conf(`\ufeff${both}`)).sockets).toHaveLength(2);
  });
});

describe('a kapacitor.conf that cannot be used is told in one line:', () => {
  test.each([
    ['that is no TOML', 'a = 1\nb = \n', 'FILE:2:5: Invalid TOML document: invalid value', 1],
    [
      'that has no UDFs',
      '[udf]\n',
      'FILE: no [udf.functions.NAME] section names a socket; kapacitor-udf config prints such sections',
      1,
    ],
    ['that has another idea of udf', 'udf = 1\n', 'FILE: udf is not a table', 1],
    ['that has another idea of functions', '[udf]\nfunctions = 1\n', 'FILE: udf.functions is not a table', 1],
    [
      'with a section that says nothing',
      '[udf.functions.mirror]\n',
      'FILE: [udf.functions.mirror] needs a text socket or prog',
      1,
    ],
    [
      'with a socket that is no text',
      '[udf.functions.mirror]\nsocket = 1\n',
      'FILE: [udf.functions.mirror] needs a text socket or prog',
      1,
    ],
    [
      'with a UDF that there is none of',
      '[udf.functions.edgeDetct]\nsocket = "/tmp/e.sock"\n',
      'FILE: [udf.functions.edgeDetct]: there is no UDF edgeDetct (did you mean edgeDetect?); add its module with --load, or name the UDFs to host, so that others are left to their own hosts',
      1,
    ],
  ])('one %s', async (_what, text, message, code) => {
    const file = conf(text);
    expect(await run('serve', '--log-level', 'silent', '--config', file)).toEqual({
      code,
      stdout: '',
      stderr: `kapacitor-udf: ${message.replace('FILE', file)}\n`,
    });
  });

  test('one that is not there', async () => {
    expect(await run('check', '--config', '/nowhere/kapacitor.conf')).toMatchObject({
      code: 1,
      stderr: 'kapacitor-udf: cannot read /nowhere/kapacitor.conf: there is no such file\n',
    });
  });

  test('one that lacks a UDF that was named', async () => {
    const file = conf(both);
    expect(await run('check', '--config', file, 'miror')).toMatchObject({
      code: 2,
      stderr: `kapacitor-udf: ${file} has no section [udf.functions.miror] (did you mean mirror?)\n`,
    });
  });
});
