import { test } from 'vitest';
import rate from '../../examples/rate.js';
import { expectPoints } from '../../src/expect/expect.js';
import { runUdf } from '../../src/testkit/run.js';

test('rate: per minute, group by group, without the step back of a counter that was reset', async () => {
  const run = await runUdf(rate, {
    options: ".field('bytes').as('per_minute').unit(1m)",
    groupBy: ['host'],
  });
  const { points } = await run.send(`
    net,host=a bytes=100i 0
    net,host=b bytes=7 0
    net,host=a bytes=160i 30000000000
    net,host=b bytes=8 60000000000
    net,host=a bytes=10i 60000000000
    net,host=a bytes=10i 60000000000
    net,host=a other=1 70000000000
    net,host=a bytes=11i 120000000000
  `);
  expectPoints(
    points,
    `
      net,host=a per_minute=120 30000000000
      net,host=b per_minute=1 60000000000
      net,host=a per_minute=1 120000000000
    `,
  );
});
