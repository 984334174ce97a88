import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { tempDir } from '../support/temp-dir.js';
import { pathOf, text } from './support/files.js';

const execute = promisify(execFile);

/** Loads the bundled model with what is in node_modules beside it. */
const script = `
import { readFileSync } from 'node:fs';
import ort from 'onnxruntime-web';
ort.env.wasm.numThreads = 1;
const session = await ort.InferenceSession.create(readFileSync(process.argv[2]));
const inputs = Object.fromEntries(session.inputNames.map((name) => [name, new ort.Tensor('float32', [260], [1, 1])]));
const { label } = await session.run(inputs, ['label']);
console.log(String(label.data));
process.exit();
`;

it('the image has of ONNX Runtime what it takes to score the bundled model, and not much more', async () => {
  const [, commands = ''] = /^RUN (web=[^]*?)\n(?! )/m.exec(text('docker/Dockerfile')) ?? [];
  const app = join(tempDir(), 'app');
  mkdirSync(app);
  // As /bin/sh of the image runs it in /build, where the locked packages are.
  await execute('sh', ['-c', commands.replaceAll('/image/app', app).replaceAll('\\\n', '')], {
    cwd: pathOf('.'),
  });
  writeFileSync(join(app, 'score.mjs'), script);

  const model = pathOf('udfs/predict/models/voltage.onnx');
  const { stdout } = await execute(process.execPath, [join(app, 'score.mjs'), model]);

  expect(stdout.trim()).toBe('outside');
  const { stdout: size } = await execute('du', ['-sk', app]);
  expect(parseInt(size, 10)).toBeLessThan(20_000);
});
