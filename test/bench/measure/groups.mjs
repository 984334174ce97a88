import { defaultShape } from '../corpus/shape.mjs';
import { inTurn } from '../statistics.mjs';
import { udfs } from './udfs.mjs';
import { withServers } from './with-servers.mjs';

/** @type {import('./plan.mjs').Measurement[]} */
export const groups = [
  ...['edgeDetect', 'movingAverage', 'calendarTotals'].map((udf) => ({
    kind: 'groups',
    udf,
    variant: 'state, snapshot and restore',
    quick: udf === 'edgeDetect',
    run: (bench) => measure(bench, udf),
  })),
  {
    kind: 'groups',
    udf: 'calendarTotals',
    variant: 'the same with a closed period each',
    quick: false,
    // By the points' times, each pass over the groups is 34 s later.
    run: (bench) => measure(bench, 'calendarTotals', { passes: 3, changed: { by: '1m' } }),
  },
];

/** The state of very many groups: its memory, and how long it takes to store it and to get it back. */
function measure(all, udf, { passes = 1, changed = {} } = {}) {
  // The yardstick has no state.
  const bench = { ...all, agents: all.agents.filter(({ label }) => label !== 'yardstick') };
  const { generator } = bench;
  return inTurn(bench.agents, { rounds: Math.min(bench.rounds, 3), warmUps: 0 }, (agent) =>
    // A process of its own each time: what V8 keeps of the last round would hide what this one takes.
    withServers({ ...bench, agents: [agent] }, udf, { probed: true }, async ([server]) => {
      const few = { ...defaultShape, groups: 100 };
      const options = { ...udfs[udf].options(few), ...changed };
      const work = { options, passes, back: udfs[udf].back, address: server.address(udf) };
      await generator.run('holdGroups', { ...work, shape: few });
      const before = await server.memory();
      const { points } = await generator.run('holdGroups', {
        ...work,
        shape: { ...few, groups: bench.groups },
      });
      const after = await server.memory();
      const written = await generator.run('snapshot', {});
      const restored = await generator.run('restore', work);
      return {
        groups: points,
        heldBytes: after.held,
        residentBytes: after.resident,
        bytesPerGroup: (after.held - before.held) / points,
        residentPerGroup: (after.resident - before.resident) / points,
        snapshotMilliseconds: written.milliseconds,
        snapshotBytes: written.bytes,
        snapshotKeepalive: written.keepalives.before,
        behindSnapshot: written.keepalives.behind,
        restoreMilliseconds: restored.milliseconds,
        restoreKeepalive: restored.maxKeepaliveBytes,
      };
    }),
  );
}
