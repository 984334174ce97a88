import { expect, test } from 'vitest';
import { runCli } from '../support/spawn-cli.js';

test('V8 knows each option that it is given: it would complain on standard error of one that it does not', async () => {
  const { code, stdout, stderr } = await runCli(['list', '--json']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(JSON.parse(stdout)).toBeDefined();
});

test('every command sets them', async () => {
  // A module that is loaded first sees what V8 is told, and tells it on standard error.
  const spy = `data:text/javascript,
    import { syncBuiltinESMExports } from 'node:module';
    import v8 from 'node:v8';
    v8.setFlagsFromString = (flag) => process.stderr.write(flag + ' ');
    syncBuiltinESMExports();`;
  const { stderr } = await runCli(['list', '--json'], { execArgv: ['--import', spy] });
  expect(stderr.trim().split(' ')).toEqual([
    '--max-inlined-bytecode-size=1000',
    '--max-inlined-bytecode-size-cumulative=4000',
    '--heap-growing-percent=300',
    ...(Number.parseInt(process.versions.v8) >= 13 ? ['--external-memory-accounted-in-global-limit'] : []),
  ]);
});
