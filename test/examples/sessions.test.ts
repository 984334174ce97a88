import { test } from 'vitest';
import sessions from '../../examples/sessions.js';
import { expectBatches } from '../../src/expect/expect.js';
import { runUdf } from '../../src/testkit/run.js';

test('sessions: a batch for each session, when the time of any group shows that it is over, and the rest at stop', async () => {
  const run = await runUdf(sessions, { options: { gap: '10s' }, groupBy: ['user'] });
  const { batches } = await run.send(`
    click,user=a,page=x n=1 0
    click,user=b,page=x n=2 1000000000
    click,user=a,page=y n=3 9000000000
    click,user=b,page=z n=4 19000000000
  `);
  expectBatches(batches, [
    {
      name: 'click',
      tags: { user: 'b' },
      time: 11_000_000_000n,
      points: 'click,user=b,page=x n=2 1000000000',
    },
    {
      name: 'click',
      tags: { user: 'a' },
      time: 19_000_000_000n,
      points: `
        click,user=a,page=x n=1 0
        click,user=a,page=y n=3 9000000000
      `,
    },
  ]);
  const again = await run.restart();
  const { batches: rest } = await again.stop();
  expectBatches(rest, [
    { tags: { user: 'b' }, time: 19_000_000_000n, points: 'click,user=b,page=z n=4 19000000000' },
  ]);
});
