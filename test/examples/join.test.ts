import { expect, test } from 'vitest';
import join from '../../examples/join.js';
import { expectPoints } from '../../src/expect/expect.js';
import { runUdf } from '../../src/testkit/run.js';

test('join: pairs points of one group and time, in either order, also over a restart', async () => {
  const run = await runUdf(join, { options: { as: 'traffic', patience: '1m' }, groupBy: ['host'] });
  const first = await run.send(`
    requests,host=a count=10 0
    errors,host=b count=1 0
    errors,host=a count=2 0
    requests,host=a count=20 30000000000
    requests,host=b count=5 0
  `);
  expectPoints(
    first.points,
    `
      traffic,host=a requests.count=10,errors.count=2 0
      traffic,host=b errors.count=1,requests.count=5 0
    `,
  );
  const again = await run.restart();
  const second = await again.send('errors,host=a count=3 30000000000');
  expectPoints(second.points, 'traffic,host=a requests.count=20,errors.count=3 30000000000');
});

test('join: forgets a point that has waited too long', async () => {
  const run = await runUdf(join, { options: { as: 'traffic', patience: '1m' } });
  await run.send('requests count=1 0');
  await run.send('requests count=2 61000000000');
  const { points } = await run.send('errors count=1 0');
  expect(points).toEqual([]);
  expect(run.stats.counters).toMatchObject({ unpaired: 1 });
});
