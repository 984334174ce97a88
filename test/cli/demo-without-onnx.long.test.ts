import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runCli } from '../support/spawn-cli.js';
import { tempDir } from '../support/temp-dir.js';

/** Loaded first in each process of the demo: no package of ONNX Runtime is found. */
const withoutRuntime = `
const Module = require('node:module');
const resolve = Module._resolveFilename;
Module._resolveFilename = function (name, ...rest) {
  if (!name.startsWith('onnxruntime-')) return resolve.call(this, name, ...rest);
  throw Object.assign(new Error('Cannot find module ' + name), { code: 'MODULE_NOT_FOUND' });
};
`;

it('kapacitor-udf demo meters without ONNX Runtime says so in one line, and shows the rest', async () => {
  const directory = tempDir();
  const preload = join(directory, 'without-runtime.cjs');
  writeFileSync(preload, withoutRuntime);
  const page = join(directory, 'page.html');
  const env = { ...process.env, NODE_OPTIONS: `--require=${preload}` };

  const { code, stdout, stderr } = await runCli(['demo', 'meters', '--html', page], { env });

  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout.match(/^.*ONNX Runtime.*$/gm)).toEqual([
    expect.stringMatching(/^is left out: .*ONNX Runtime is not installed; install it beside kapacitor-udf: /),
  ]);
  expect(stdout).not.toContain('foreseen');
  expect(stdout).toMatch(/^Of 48 hours, /m);
  const html = readFileSync(page, 'utf8');
  expect(html).toContain('<strong>Left out:</strong>');
  expect(html).toContain('"prediction":null');
});
