import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { adslChanges, adslPoints } from '../support/adsl.js';
import { connect } from '../support/connect.js';
import { liveSocket } from '../support/socket-files.js';
import { runCli, serve } from '../support/spawn-cli.js';
import { tempDir } from '../support/temp-dir.js';
import { pointRequest } from '../support/udf-messages.js';

const module = (name: string): string => fileURLToPath(new URL(`modules/${name}`, import.meta.url));
const field = { name: 'field', args: [{ type: 'string', value: 'value' }] } as const;

/** Why a host does not start: one line, and the exit code 1. */
async function failure(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runCli(['serve', ...args, '--log-level', 'error']);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  return stderr;
}

describe('serve', () => {
  test('hosts every bundled UDF on a socket of its name, in a directory that it makes', async () => {
    const directory = join(tempDir(), 'new');
    await serve(['--socket-dir', directory]);
    expect(readdirSync(directory).sort()).toEqual(
      [
        'calendarTotals',
        'edgeDetect',
        'forecast',
        'forecastBatch',
        'mirror',
        'mirrorBatch',
        'movingAverage',
        'outliers',
        'predict',
      ].map((name) => `${name}.sock`),
    );
  });

  test('hosts just the UDFs that are named, those of a loaded module too', async () => {
    const directory = tempDir();
    await serve(['mirror', 'forgetful', '--load', module('forgetful.mjs'), '--socket-dir', directory]);
    expect(readdirSync(directory).sort()).toEqual(['forgetful.sock', 'mirror.sock']);
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'on %s finishes what has come, removes its sockets and exits with 0',
    async (signal) => {
      const directory = tempDir();
      const host = await serve(['edgeDetect', '--socket-dir', directory]);
      const kapacitor = await connect(join(directory, 'edgeDetect.sock'));
      await kapacitor.init([field]);
      kapacitor.send(...adslPoints.map(pointRequest));
      expect(await host.stop(signal)).toEqual({ code: 0, signal: null });
      await kapacitor.closed();
      expect(kapacitor.points.map(({ time, fields }) => [time, fields.value])).toEqual(adslChanges);
      expect(readdirSync(directory)).toEqual([]);
    },
  );

  test('on a second signal exits with 1 at once, and removes its sockets all the same', async () => {
    const directory = tempDir();
    const host = await serve(['stuck', '--load', module('stuck.mjs'), '--socket-dir', directory]);
    const kapacitor = await connect(join(directory, 'stuck.sock'));
    await kapacitor.init();
    kapacitor.send(pointRequest(adslPoints[0]!));
    await host.untilLogged('stuck');
    host.process.kill('SIGTERM');
    await host.untilLogged('stopping');
    expect(await host.stop()).toEqual({ code: 1, signal: null });
    expect(readdirSync(directory)).toEqual([]);
  });

  test('takes settings for every use of its UDFs', async () => {
    const directory = tempDir();
    const options = ['--on-error', 'drop', '--max-groups', '1'];
    await serve(['edgeDetect', '--socket-dir', directory, ...options]);
    const kapacitor = await connect(join(directory, 'edgeDetect.sock'));
    await kapacitor.init([field, { name: 'onMissing', args: [{ type: 'string', value: 'error' }] }]);
    const [first, , ...rest] = adslPoints; // the first and the third say the same
    const group = { ...first!, group: 'host=router2' };
    const points = [first!, { ...first!, fields: {} }, group, rest[0]!];
    kapacitor.send(...points.map(pointRequest));
    await kapacitor.end();
    // The point without the field is dropped, and the first group is forgotten for the second.
    expect(kapacitor.points.map(({ time, group }) => [time, group])).toEqual([
      [first!.time, ''],
      [first!.time, 'host=router2'],
      [rest[0]!.time, ''],
    ]);
  });
});

describe('serve --config', () => {
  /** A kapacitor.conf in a directory of its own, which `DIR` stands for. */
  function config(text: string): { readonly file: string; readonly directory: string } {
    const directory = tempDir();
    const file = join(directory, 'kapacitor.conf');
    writeFileSync(file, text.replaceAll('DIR', directory));
    return { file, directory };
  }

  test('listens on the sockets that Kapacitor will connect to, and leaves to it what it starts itself', async () => {
    const { file, directory } = config(`
      [udf.functions.mirror]
        socket = "DIR/one/any-name"
        timeout = "10s"
      [udf.functions.edgeDetect]
        socket = "DIR/two/edge"
      [udf.functions.outliers]
        prog = "/usr/bin/kapacitor-udf"
        args = ["stdio", "outliers"]`);
    const host = await serve(['--config', file]);
    const kapacitor = await connect(join(directory, 'one', 'any-name'));
    await kapacitor.init();
    await connect(join(directory, 'two', 'edge'));
    expect(host.log).toContainEqual(
      expect.objectContaining({
        udfs: ['outliers'],
        msg: 'these are not hosted: Kapacitor starts them itself (prog)',
      }),
    );
  });

  test('says which section has no UDF, and hosts the others when they are named', async () => {
    const { file, directory } = config(`
      [udf.functions.mirror]
        socket = "DIR/mirror"
      [udf.functions.edgeDetct]
        socket = "DIR/edge"`);
    expect(await failure('--config', file)).toBe(
      `kapacitor-udf: ${file}: [udf.functions.edgeDetct]: there is no UDF edgeDetct (did you mean edgeDetect?); ` +
        'add its module with --load, or name the UDFs to host, so that others are left to their own hosts\n',
    );
    await serve(['mirror', '--config', file]);
    expect(existsSync(join(directory, 'edge'))).toBe(false);
  });
});

describe('serve does not start', () => {
  test('where another process answers, which it leaves alone', async () => {
    const directory = tempDir();
    await liveSocket(join(directory, 'outliers.sock'));
    const path = join(directory, 'outliers.sock');
    expect(await failure('--socket-dir', directory)).toBe(
      `kapacitor-udf: cannot listen on ${path}: another process answers there; stop it, or choose another path\n`,
    );
    expect(readdirSync(directory)).toEqual(['outliers.sock']);
  });

  test('over a file that is no socket', async () => {
    const directory = tempDir();
    writeFileSync(join(directory, 'mirror.sock'), 'precious');
    expect(await failure('mirror', '--socket-dir', directory)).toMatch(
      /^kapacitor-udf: cannot listen on .*mirror\.sock: what is there is not a socket and is left alone; .*\n$/,
    );
  });

  test('in a directory whose name is too long for sockets', async () => {
    expect(await failure('mirror', '--socket-dir', join(tempDir(), 'x'.repeat(100)))).toMatch(
      /^kapacitor-udf: cannot listen on .*: the path takes \d+ bytes, and a Unix socket's at most \d+; .*\n$/,
    );
  });

  test('with a group that there is not', async () => {
    expect(await failure('mirror', '--socket-dir', tempDir(), '--socket-group', 'nobody-has-it')).toMatch(
      /^kapacitor-udf: there is no group "nobody-has-it" in \/etc\/group; .*\n$/,
    );
  });
});
