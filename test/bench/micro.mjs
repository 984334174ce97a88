/**
 * Nanoseconds a point in one process, for looking at a profile or at the effect of a change:
 *
 *   node test/bench/micro.mjs [UDF…] [--seconds S] [--rounds N] [--shape JSON] [--root DIR]
 */
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { createBlock } from './corpus/block.mjs';
import { defaultShape } from './corpus/shape.mjs';
import { InProcess } from './in-process.mjs';
import { udfs } from './measure/udfs.mjs';
import { spread } from './statistics.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '5' },
    shape: { type: 'string', default: '{}' },
    root: { type: 'string', default: fileURLToPath(new URL('../../', import.meta.url)) },
  },
});
const { tuneV8 } = await import(pathToFileURL(join(values.root, 'dist/src/host/tune-v8.js')).href);
tuneV8(); // as every command does
const chosen = positionals.length > 0 ? positionals : Object.keys(udfs);

for (const udf of chosen) {
  if (!(udf in udfs)) throw new Error(`there is no ${udf}; there are ${Object.keys(udfs).join(', ')}`);
  const batch = udf === 'outliers' || udf === 'mirrorBatch' ? 1000 : 0;
  const shape = { ...defaultShape, batch, ...JSON.parse(values.shape) };
  const block = createBlock(shape, 4 * 1024 * 1024);
  const agent = await InProcess.open(values.root, udf, udfs[udf].options(shape));
  const seconds = Number(values.seconds);
  await agent.nanosecondsPerPoint(block, seconds);
  const times = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    times.push(await agent.nanosecondsPerPoint(block, seconds));
  }
  const { median, min, max } = spread(times);
  console.log(`${udf.padEnd(14)} ${median.toFixed(0)} ns a point (${min.toFixed(0)}–${max.toFixed(0)})`);
}
