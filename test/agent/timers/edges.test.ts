import { defineUdf } from 'kapacitor-udf';
import { describe, expect, test } from 'vitest';
import { expectBatches } from '../../../src/expect/expect.js';
import { runUdf } from '../../../src/testkit/run.js';
import { at } from '../support/timed-udf.js';

describe('edges', () => {
  const batch = (time: number, host = 'a') => ({
    name: 'cpu',
    group: `host=${host}`,
    tags: { host },
    time: at(time),
    points: [{ time: at(time - 1), fields: { v: 1 } }],
  });

  test('a stream becomes batches: a timer emits a whole one', async () => {
    const collecting = defineUdf({
      name: 'collecting',
      wants: 'stream',
      provides: 'batch',
      state: () => ({ values: [] as { time: bigint; fields: { v: number } }[] }),
      point(point, { state, timers }) {
        if (timers.get('full') === undefined) timers.set('full', { after: '10s' });
        state.values.push({ time: point.time, fields: { v: point.number('v')! } });
      },
      timer(_timer, { newBatch, state }) {
        return newBatch(state.values.splice(0));
      },
    });
    const run = await runUdf(collecting, { groupBy: ['host'] });
    const { batches } = await run.send(`cpu,host=a v=1 0\ncpu,host=a v=2 ${at(9)}\ncpu,host=a v=3 ${at(10)}`);
    expectBatches(batches, [
      {
        name: 'cpu',
        tags: { host: 'a' },
        time: at(10),
        points: [
          { time: 0n, fields: { v: 1 } },
          { time: at(9), fields: { v: 2 } },
        ],
      },
    ]);
    expect(batches[0]?.group).toBe('host=a');
  });

  test.each(['stream', 'batch'] as const)('batches handled as a whole become a %s', async (provides) => {
    const udf = defineUdf({
      name: 'late',
      wants: 'batch',
      provides,
      batch(_batch, { timers }) {
        timers.set('x', { after: '30s', clock: 'wall' });
        timers.set('e', { after: '10s' });
      },
      timer({ name }, { newPoint, newBatch }) {
        const item = provides === 'stream' ? newPoint({ name }) : newBatch([{ time: 0n, fields: { name } }]);
        return item; // of the type that `provides` names
      },
    });
    const run = await runUdf(udf);
    await run.send(batch(10));
    await run.send(batch(15, 'b'));
    await run.send(batch(20));
    await run.advance('30s');
    const { points, batches } = await run.stop();
    const emitted = provides === 'stream' ? points : batches;
    expect(emitted.map(({ time, name, group }) => [time, name, group])).toEqual([
      [at(20), 'cpu', 'host=a'],
      [at(30), 'cpu', 'host=b'],
      [at(30), 'cpu', 'host=a'],
    ]);
  });

  test('batches handled point by point: timers fire between batches, as batches of their own', async () => {
    const udf = defineUdf({
      name: 'streamed',
      wants: 'batch',
      provides: 'batch',
      point(point, { timers }) {
        if (timers.get('x') === undefined) timers.set('x', { after: '10s' });
        return point;
      },
      timer: ({ time }, { newBatch }) => newBatch([{ time, fields: { timer: true } }]),
    });
    const run = await runUdf(udf);
    const { batches } = await run.send([batch(10), batch(21)]);
    expect(batches.map(({ time, points }) => [time, points.map(({ fields }) => fields)])).toEqual([
      [at(10), [{ v: 1 }]],
      [at(21), [{ v: 1 }]],
      [at(19), [{ timer: true }]],
    ]);
  });
});
