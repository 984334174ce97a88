import { defaultShape } from '../corpus/shape.mjs';
import { inTurn, summaries, takeTurns } from '../statistics.mjs';
import { udfs } from './udfs.mjs';
import { withServers } from './with-servers.mjs';

/** How long V8 takes to have compiled what is hot, and what it throws away again of that. */
const warmUpSeconds = 2;

/** What the three stream UDFs are measured with, each differing from the default shape in one thing. */
const streams = {
  default: {},
  '12 fields': { shape: { fields: 12 } },
  '50 fields': { shape: { fields: 50 } },
  'no tags': { shape: { tags: 0 } },
  '20 tags': { shape: { tags: 20 } },
  'strings of 1 kB': { shape: { textBytes: 1024 } },
  '1 group': { shape: { groups: 1 } },
  '10,000 groups': { shape: { groups: 10_000 }, prelude: 0 },
  '1,000,000 groups': { shape: { groups: 1_000_000 }, prelude: 0 },
  '8 connections': { connections: 8 },
  '64 connections': { connections: 64 },
  'single messages in two pieces': { twoPieces: true },
  'after every other UDF': { mixed: true },
};

/** And what some of them are measured with besides. */
const others = [
  ['edgeDetect', 'watching a double', { shape: { watch: 'value' } }],
  ['edgeDetect', 'watching an int', { shape: { watch: 'count' } }],
  ['edgeDetect', 'watching a bool', { shape: { watch: 'flag' } }],
  ['edgeDetect', 'a million new groups', { shape: { groups: 1_000_000 }, seconds: 0 }],
  ['movingAverage', 'averaging an int', { shape: { watch: 'count' } }],
  ['mirror', 'stdio', { stdio: true, prelude: warmUpSeconds }],
  ['edgeDetect', 'stdio', { stdio: true, prelude: warmUpSeconds }],
  ['mirrorBatch', 'batches of 10', { shape: { batch: 10 } }],
  ['mirrorBatch', 'batches of 10,000', { shape: { batch: 10_000 } }],
  ['outliers', 'batches of 10', { shape: { batch: 10 } }],
  ['outliers', 'batches of 10,000', { shape: { batch: 10_000 } }],
];

const quick = new Set([
  'mirror default',
  'edgeDetect default',
  'movingAverage default',
  'outliers batches of 10,000',
  'mirror 64 connections',
  'mirror stdio',
]);

/** @type {import('./plan.mjs').Measurement[]} */
export const throughput = [
  ...['mirror', 'edgeDetect', 'movingAverage'].flatMap((udf) =>
    Object.entries(streams).map(([variant, how]) => [udf, variant, how]),
  ),
  ...others,
].map(([udf, variant, how]) => ({
  kind: 'throughput',
  udf,
  variant,
  quick: quick.has(`${udf} ${variant}`),
  run: (bench) => measure(bench, udf, how),
}));

async function measure(bench, udf, { shape: changed, seconds = bench.seconds, stdio, mixed, ...how }) {
  const shape = { ...defaultShape, ...changed };
  const work = { options: udfs[udf].options(shape), back: udfs[udf].back, shape, seconds, ...how };
  const run = ({ label }, address, warmUp) => {
    // Whatever UDF it stands for, an echo sends everything back.
    const expected = label === 'yardstick' ? { options: {}, back: 'all' } : {};
    const long = warmUp && label !== 'yardstick' ? { seconds: Math.max(seconds, warmUpSeconds) } : {};
    // Each connection has a thread of its own, and its code is compiled there.
    if (label === 'isolated') Object.assign(long, { prelude: Math.max(how.prelude ?? 0, warmUpSeconds) });
    return bench.generator.run('throughput', { ...work, ...expected, ...long, address });
  };
  // Each run on standard input has a process of its own, which warms up before the clock starts.
  if (stdio) return inTurn(bench.agents, bench, (agent) => run(agent, agent.stdio(udf), false));
  // V8 puts the hot functions together in another way in each process, some of them a third slower than others.
  const rounds = Math.ceil(bench.rounds / bench.processes);
  const taken = bench.agents.map(() => []);
  for (let started = 0; started < bench.processes; started++) {
    await withServers(bench, mixed ? undefined : udf, {}, async (servers) => {
      if (mixed) await runOthers(bench, servers, udf);
      const more = await takeTurns(bench.agents, { rounds }, (agent, index, warmUp) =>
        run(agent, servers[index].address(udf), warmUp),
      );
      more.forEach((numbers, index) => taken[index].push(...numbers));
    });
  }
  return summaries(bench.agents, taken);
}

/** Has each of the other UDFs of a host work, so that code that they share has seen all of them. */
async function runOthers({ generator, agents }, servers, udf) {
  for (const [other, { options, back }] of Object.entries(udfs)) {
    if (other === udf || back === undefined) continue;
    const shape = { ...defaultShape, batch: other === 'mirrorBatch' || other === 'outliers' ? 10 : 0 };
    for (const [index, { label }] of agents.entries()) {
      if (label === 'yardstick') continue;
      const address = servers[index].address(other);
      await generator.run('throughput', { address, options: options(shape), back, shape, seconds: 0.3 });
    }
  }
}
