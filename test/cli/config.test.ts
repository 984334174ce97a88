import { parse } from 'smol-toml';
import { describe, expect, test } from 'vitest';
import { bundledUdfs } from '../../udfs/index.js';
import { run } from '../support/run-program.js';

const names = bundledUdfs.map(({ name }) => name);

async function functions(...args: string[]): Promise<Record<string, unknown>> {
  const { code, stdout } = await run('config', ...args);
  expect(code).toBe(0);
  return (parse(stdout) as { udf: { functions: Record<string, unknown> } }).udf.functions;
}

describe('config', () => {
  test('names the socket of every bundled UDF in the default directory', async () => {
    expect(await functions()).toEqual(
      Object.fromEntries(
        names.map((name) => [name, { socket: `/var/run/kapacitor-udf/${name}.sock`, timeout: '10s' }]),
      ),
    );
  });

  test('takes another directory, another timeout and some UDFs only', async () => {
    expect(await functions('mirror', '--socket-dir', '/run/"u"', '--timeout', '1m30s')).toEqual({
      mirror: { socket: '/run/"u"/mirror.sock', timeout: '1m30s' },
    });
  });

  test.each([
    ['2d', '48h'],
    ['1w', '168h'],
    ['90s', '1m30s'],
    ['2500ms', '2s500ms'],
    ['2ms7u', '2ms7us'],
    ['2ms7ns', '2ms7ns'],
  ])('writes the timeout %s in units that Go reads', async (given, written) => {
    const { stdout } = await run('config', 'mirror', '--timeout', given);
    expect(stdout).toContain(`timeout = "${written}"`);
  });

  test('makes whole paths of relative ones, because Kapacitor runs elsewhere', async () => {
    expect(await functions('mirror', '--socket-dir', 'here')).toEqual({
      mirror: { socket: `${process.cwd()}/here/mirror.sock`, timeout: '10s' },
    });
  });

  test('has Kapacitor start the UDFs itself with --process', async () => {
    expect(await functions('mirror', '--process')).toEqual({
      mirror: { prog: process.execPath, args: [process.argv[1], 'stdio', 'mirror'], timeout: '10s' },
    });
  });

  test('can be added to a file that has [udf] and [udf.functions] already', async () => {
    const { stdout } = await run('config', 'mirror');
    const file = `[udf]\n[udf.functions]\n[udf.functions.other]\nprog = "x"\n\n${stdout}`;
    expect(Object.keys((parse(file) as { udf: { functions: object } }).udf.functions)).toEqual([
      'other',
      'mirror',
    ]);
  });
});
