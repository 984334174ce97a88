import { defaultShape } from '../corpus/shape.mjs';
import { inTurn } from '../statistics.mjs';
import { udfs } from './udfs.mjs';
import { withServers } from './with-servers.mjs';

/** @type {import('./plan.mjs').Measurement[]} */
export const slowReader = ['mirror', 'movingAverage'].map((udf) => ({
  kind: 'slow reader',
  udf,
  variant: 'nothing is read',
  quick: udf === 'mirror',
  run: (bench) => measure(bench, udf),
}));

function measure(bench, udf) {
  const { generator } = bench;
  return withServers(bench, udf, {}, (servers) =>
    inTurn(bench.agents, { rounds: Math.min(bench.rounds, 3), warmUps: 0 }, async ({ label }, index) => {
      const options = label === 'yardstick' ? {} : udfs[udf].options(defaultShape);
      const work = { options, back: 'all', shape: defaultShape, address: servers[index].address(udf) };
      // Memory that a busy agent takes anyway is no matter of the reader.
      await generator.run('throughput', { ...work, seconds: bench.seconds });
      return generator.run('unread', work);
    }),
  );
}
