import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { inTurn } from '../statistics.mjs';

/** @type {import('./plan.mjs').Measurement[]} */
export const startUp = [
  ['one UDF on a socket', ({ agent, directory }) => onSocket(agent, 'mirror', directory)],
  ['all UDFs on sockets', ({ agent, directory }) => onSocket(agent, undefined, directory)],
  ['stdio', ({ agent }) => agent.stdio('mirror')],
].map(([variant, how], index) => ({
  kind: 'start-up',
  udf: 'mirror',
  variant,
  quick: index === 0,
  run: ({ agents, generator, directory, rounds }) =>
    inTurn(agents, { rounds: 2 * rounds }, async (agent) => {
      const command = how({ agent, directory: mkdtempSync(join(directory, 's')) });
      return { milliseconds: await generator.run('startUp', command) };
    }),
}));

function onSocket(agent, udf, directory) {
  return { ...agent.serve(udf, directory), path: agent.socket('mirror', directory) };
}
