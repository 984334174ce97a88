import { expect, test } from 'vitest';
import dedup from '../../examples/dedup.js';
import { expectPoints } from '../../src/expect/expect.js';
import { runUdf } from '../../src/testkit/run.js';

test('dedup: passes the first of each ID, again after the time, and over a restart', async () => {
  const run = await runUdf(dedup, { options: { id: 'order', within: '1m' }, groupBy: ['shop'] });
  const { points } = await run.send(`
    paid,shop=a order="1",sum=5 0
    paid,shop=a order="1",sum=5 1000000000
    paid,shop=a order=1i,sum=6 2000000000
    paid,shop=b order="1",sum=7 3000000000
    paid,shop=a sum=8 4000000000
    paid,shop=a order="2",sum=9 60000000000
  `);
  expectPoints(
    points,
    `
      paid,shop=a order="1",sum=5 0
      paid,shop=a order=1i,sum=6 2000000000
      paid,shop=b order="1",sum=7 3000000000
      paid,shop=a sum=8 4000000000
      paid,shop=a order="2",sum=9 60000000000
    `,
  );
  expect(run.stats.counters).toMatchObject({ repeated: 1 });
  const again = await run.restart();
  const later = await again.send(`
    paid,shop=a order="2",sum=9 61000000000
    paid,shop=a order="1",sum=10 61000000001
  `);
  expectPoints(later.points, 'paid,shop=a order="1",sum=10 61000000001');
});
