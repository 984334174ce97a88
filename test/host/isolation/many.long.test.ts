import { expect, test } from 'vitest';
import type { ServedUdf } from '../../../src/host/served-udf.js';
import { isolatedInMemory, isolatedUdfs } from '../../support/isolated.js';

const connections = 10;

const mirror = async (): Promise<ServedUdf> =>
  (await isolatedUdfs(new URL('modules/slow.mjs', import.meta.url))).get('mirror')!;

test(`of ${connections} tasks that are enabled at once, the first need not wait for the last`, async () => {
  const udf = await mirror();
  let started = 0;
  const startedBefore = await Promise.all(
    Array.from({ length: connections }, async (_, index) => {
      const { kapacitor } = isolatedInMemory(udf);
      await kapacitor.init();
      const before = started++;
      kapacitor.point({ time: BigInt(index), name: 'm', fields: { index } });
      const { points } = await kapacitor.stop();
      expect(points.map(({ time }) => time)).toEqual([BigInt(index)]);
      return before;
    }),
  );
  expect(startedBefore[0]).toBeLessThan(connections / 2);
});

test('tasks that end before their worker has started leave nothing behind', async () => {
  const udf = await mirror();
  const agents = Array.from({ length: connections }, () => isolatedInMemory(udf));
  for (const { agent, kapacitor } of agents) {
    void kapacitor.init().catch(() => undefined);
    agent.destroy();
  }
  await Promise.all(agents.map(({ agent }) => agent.closed));
  const { kapacitor } = isolatedInMemory(udf);
  await kapacitor.init();
  kapacitor.point({ time: 1n, name: 'm', fields: { index: 1 } });
  expect((await kapacitor.stop()).points).toHaveLength(1);
});
