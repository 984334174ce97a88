import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { adslPoints } from '../support/adsl.js';
import { connect } from '../support/connect.js';
import { type Cli, serve } from '../support/spawn-cli.js';
import { tempDir } from '../support/temp-dir.js';
import { pointRequest } from '../support/udf-messages.js';

const module = (name: string): string => fileURLToPath(new URL(`../cli/modules/${name}`, import.meta.url));

/** A host of mirror and a UDF of a test module, and the path of a socket. */
async function host(
  udf: string,
  logLevel: string,
): Promise<{ readonly cli: Cli; readonly path: (name: string) => string }> {
  const directory = tempDir();
  const args = [udf, 'mirror', '--load', module(`${udf}.mjs`)];
  const cli = await serve([...args, '--socket-dir', directory, '--log-level', logLevel]);
  return { cli, path: (name) => join(directory, `${name}.sock`) };
}

const errors = (cli: Cli): readonly Readonly<Record<string, unknown>>[] =>
  cli.log.filter(({ level }) => level === 'error');

describe('a promise that is rejected and that nobody waits for', () => {
  test('is logged once for many, and neither its connection nor the host ends', async () => {
    const { cli, path } = await host('forgetful', 'info');
    const kapacitor = await connect(path('forgetful'));
    await kapacitor.init();
    kapacitor.send(...adslPoints.map(pointRequest));
    await kapacitor.end();
    expect(kapacitor.points).toHaveLength(adslPoints.length);
    await cli.untilLogged('a promise was rejected');
    expect(errors(cli)).toEqual([
      expect.objectContaining({
        udf: 'forgetful',
        msg: expect.stringMatching(
          /^a promise was rejected that was not awaited: lost; return or await it in the handler \(UDF forgetful \(.*forgetful\.mjs:9\)\)$/,
        ) as string,
        err: { code: 'handler', message: 'lost' },
      }),
    ]);
    expect(await cli.stop()).toEqual({ code: 0, signal: null });
  });

  test('is logged with its stack at level debug', async () => {
    const { cli, path } = await host('forgetful', 'debug');
    const kapacitor = await connect(path('forgetful'));
    await kapacitor.init();
    kapacitor.send(pointRequest(adslPoints[0]!));
    await cli.untilLogged('a promise was rejected');
    expect(JSON.stringify(errors(cli))).toContain('forgetful.mjs:');
  });
});

test('what a UDF throws where nobody can catch it ends the host with 1, and its sockets are removed', async () => {
  const { cli, path } = await host('bomb', 'info');
  const kapacitor = await connect(path('bomb'));
  await kapacitor.init();
  kapacitor.send(pointRequest(adslPoints[0]!));
  expect(await cli.ended).toEqual({ code: 1, signal: null });
  expect(cli.logged('exits: uncaught error: boom')).toBe(true);
  expect(existsSync(path('mirror'))).toBe(false);
});
