import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Cli, runCli, serve } from '../support/spawn-cli.js';
import { tempDir } from '../support/temp-dir.js';

/** What hosting never needs: the test kit, Kapacitor's side of the protocol, and the capabilities. */
const unneeded = /\/src\/(testkit|expect|peer|replay|feed|record|tasks|script-test|demo|kapacitor|influx)\//;

/** Options of Node.js that write the URL of each module of this package that is loaded to a file, and those URLs. */
function moduleLog(): { readonly execArgv: readonly string[]; readonly modules: () => readonly string[] } {
  const file = join(tempDir(), 'modules');
  const hooks = `
    import { appendFileSync } from 'node:fs';
    export async function load(url, context, next) {
      if (url.includes('/dist/')) appendFileSync(${JSON.stringify(file)}, url + '\\n');
      return next(url, context);
    }`;
  const register = `
    import { register } from 'node:module';
    register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(hooks)}));`;
  return {
    execArgv: ['--import', `data:text/javascript,${encodeURIComponent(register)}`],
    modules: () => readFileSync(file, 'utf8').split('\n'),
  };
}

describe('serving loads neither the test kit nor a capability:', () => {
  test('serve', async () => {
    const { execArgv, modules } = moduleLog();
    const host = await serve(['--socket-dir', tempDir()], { execArgv });
    await host.stop();
    expect(modules().some((url) => url.endsWith('/src/host/socket-host.js'))).toBe(true);
    // A target is what the options' URLs are checked by, without any HTTP.
    const others = modules().filter((url) => !url.endsWith('/target.js'));
    expect(others.filter((url) => unneeded.test(url))).toEqual([]);
  });

  test('stdio', async () => {
    const { execArgv, modules } = moduleLog();
    const child = new Cli(['stdio', 'mirror'], { execArgv });
    child.process.stdin!.end();
    child.process.stdout!.resume();
    expect(await child.ended).toEqual({ code: 0, signal: null });
    expect(modules().some((url) => url.endsWith('/src/agent/agent.js'))).toBe(true);
    expect(modules().filter((url) => unneeded.test(url))).toEqual([]);
  });

  test('list', async () => {
    const { execArgv, modules } = moduleLog();
    expect(await runCli(['list'], { execArgv })).toMatchObject({ code: 0 });
    expect(modules().some((url) => url.endsWith('/udfs/index.js'))).toBe(true);
    expect(modules().filter((url) => unneeded.test(url))).toEqual([]);
  });
});
