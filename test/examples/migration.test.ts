import { test } from 'vitest';
import migration from '../../examples/migration.js';
import { expectPoints } from '../../src/expect/expect.js';
import { defineUdf, option } from '../../src/index.js';
import { runUdf } from '../../src/testkit/run.js';

/** What its snapshots were written by before. */
const version1 = defineUdf({
  name: 'spread',
  wants: 'stream',
  provides: 'stream',
  options: { field: option.field({ required: true, doc: 'Numeric field.' }) },
  state: () => ({ sum: 0, count: 0 }),
  point(point, { options, state }) {
    state.sum += point.number(options.field) ?? 0;
    state.count++;
  },
});

test('migration: continues with the mean of a snapshot of version 1', async () => {
  const options = { field: 'usage' };
  const old = await runUdf(version1, { options, groupBy: ['host'] });
  await old.send('cpu,host=a usage=2\ncpu,host=a usage=4\ncpu,host=b usage=7');
  const run = await runUdf(migration, { options, groupBy: ['host'], snapshot: await old.snapshot() });
  const { points } = await run.send(`
    cpu,host=a usage=6 10
    cpu,host=b usage=7 11
    cpu,host=c usage=1 12
    cpu,host=c usage=3 13
  `);
  expectPoints(
    points,
    `
      cpu,host=a usage=6,mean=4,deviation=1.4142135623730951 10
      cpu,host=b usage=7,mean=7,deviation=0 11
      cpu,host=c usage=1,mean=1,deviation=0 12
      cpu,host=c usage=3,mean=2,deviation=1 13
    `,
  );
});
