import { expect, test } from 'vitest';
import { runCli } from '../support/spawn-cli.js';

test('V8 knows each option that it is given: it would complain on standard error of one that it does not', async () => {
  const { code, stdout, stderr } = await runCli(['list', '--json']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(JSON.parse(stdout)).toBeDefined();
});
