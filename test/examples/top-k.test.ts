import { test } from 'vitest';
import topK from '../../examples/top-k.js';
import { expectPoints } from '../../src/expect/expect.js';
import { runUdf } from '../../src/testkit/run.js';

test('top-k: the highest of each batch first, as a stream', async () => {
  const run = await runUdf(topK, { options: { field: 'usage', k: 2 }, groupBy: ['dc'] });
  const { points } = await run.send(`
    cpu,dc=x,host=a usage=10 0
    cpu,dc=x,host=b usage=30 1
    cpu,dc=x,host=c usage=20i 2
    cpu,dc=x,host=d idle=99 3
    cpu,dc=y,host=e usage=1 4
  `);
  expectPoints(
    points,
    `
      cpu,dc=x,host=b usage=30,rank=1i 1
      cpu,dc=x,host=c usage=20i,rank=2i 2
      cpu,dc=y,host=e usage=1,rank=1i 4
    `,
  );
});
