import { defaultShape } from '../corpus/shape.mjs';
import { inTurn, quantile } from '../statistics.mjs';
import { onOneProcessor } from './one-processor.mjs';
import { udfs } from './udfs.mjs';
import { withServers } from './with-servers.mjs';

/** @type {import('./plan.mjs').Measurement[]} */
export const roundTrip = ['mirror', 'movingAverage'].map((udf) => ({
  kind: 'round trip',
  udf,
  variant: 'single points',
  quick: udf === 'mirror',
  run: (bench) => measure(bench, udf),
}));

function measure(bench, udf) {
  const { generator, seconds } = bench;
  const work = { shape: defaultShape, count: Math.round(8000 * seconds) };
  const plan = { rounds: bench.rounds, warmUps: 2 };
  return withServers(bench, udf, {}, (servers) => {
    const addresses = servers.map((server) => server.address(udf));
    const pids = [generator.pid, ...addresses.map(({ pid }) => pid)];
    return onOneProcessor(pids, () =>
      inTurn(bench.agents, plan, async ({ label }, index) => {
        const options = label === 'yardstick' ? {} : udfs[udf].options(defaultShape);
        const times = await generator.run('roundTrips', { ...work, options, address: addresses[index] });
        return { p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
      }),
    );
  });
}
