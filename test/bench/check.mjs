/**
 * `npm run bench:check`: fails when the hot path has become grossly slower. What a UDF takes is compared with what
 * protobufjs takes to decode and encode the same points, in the same process and in turn, so that neither the machine
 * nor what else runs on it matters much.
 */
import { fileURLToPath } from 'node:url';
import { createBlock } from './corpus/block.mjs';
import { defaultShape } from './corpus/shape.mjs';
import { InProcess } from './in-process.mjs';
import { recode } from './load/control.mjs';
import { udfs } from './measure/udfs.mjs';
import { quantile } from './statistics.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));

/**
 * How many times as fast as protobufjs each must be: about two fifths of what it was when this was written, which is
 * further off than noise gets. Raise a figure when the UDF has become faster for good; lower one only for a reason that
 * is worth its price.
 */
const least = { mirror: 25, edgeDetect: 5, movingAverage: 2.4, mirrorBatch: 18, outliers: 3.8 };

/** So much that no UDF goes over it too often to stamp each pass. */
const blockBytes = 4 * 1024 * 1024;
const rounds = 7;
const seconds = 0.2;

async function main() {
  const streams = createBlock(defaultShape, blockBytes);
  const batches = createBlock({ ...defaultShape, batch: 1000 }, blockBytes);
  const subjects = [];
  for (const udf of Object.keys(least)) {
    const block = udf === 'outliers' || udf === 'mirrorBatch' ? batches : streams;
    subjects.push({ udf, block, agent: await InProcess.open(root, udf, udfs[udf].options(defaultShape)) });
  }
  const ratios = subjects.map(() => []);
  for (let round = -1; round < rounds; round++) {
    // The first round warms up.
    const library = protobufjs(streams);
    for (const [index, { block, agent }] of subjects.entries()) {
      const own = await agent.nanosecondsPerPoint(block, round < 0 ? 1 : seconds);
      if (round >= 0) ratios[index].push(library / own);
    }
  }
  const slow = subjects.filter(({ udf }, index) => {
    const ratio = quantile(ratios[index], 0.5);
    const enough = ratio >= least[udf];
    const verdict = enough ? 'ok' : 'TOO SLOW';
    console.log(
      `${udf.padEnd(14)} ${ratio.toFixed(1)} times as fast as protobufjs, at least ${least[udf]}: ${verdict}`,
    );
    return !enough;
  });
  if (slow.length === 0) return;
  console.log('\nThe hot path has become much slower; test/bench/README.md says how to find where.');
  process.exitCode = 1;
}

/** The nanoseconds that protobufjs takes to decode a point and encode it again. */
function protobufjs({ bytes, points }) {
  const start = performance.now();
  let passes = 0;
  do {
    recode(bytes);
    passes++;
  } while (performance.now() - start < seconds * 1000);
  return ((performance.now() - start) / (passes * points)) * 1e6;
}

await main();
