import { createPoint, defineUdf } from 'kapacitor-udf';
import { expect, test } from 'vitest';
import { runUdf } from '../../../src/testkit/run.js';
import { at } from '../support/timed-udf.js';

test('an async timer is waited for; points come after it', async () => {
  const udf = defineUdf({
    name: 'async',
    wants: 'stream',
    provides: 'stream',
    state: () => ({ log: [] as string[] }),
    point(point, { state, timers }) {
      timers.set('x', { after: '1s' });
      state.log.push('point');
      return point.replaceFields({ log: state.log.join(' ') });
    },
    async timer(_timer, { state }) {
      await Promise.resolve();
      state.log.push('timer');
    },
  });
  const run = await runUdf(udf);
  const { points } = await run.send(`cpu v=1 0\ncpu v=1 ${at(1)}\ncpu v=1 ${at(1)}`);
  expect(points.at(-1)!.field('log')).toBe('point timer point point');
});

test('stop may create points of groups that have had a timer; timers that it sets never fire', async () => {
  const udf = defineUdf({
    name: 'stopping',
    wants: 'stream',
    provides: 'stream',
    state: () => ({ sum: 0 }),
    point(point, { state, timers }) {
      state.sum += point.number('v')!;
      timers.set('x', { after: '1m', clock: 'wall' });
    },
    timer: () => undefined,
    stop({ state, timers, newPoint }) {
      timers.set('x', { after: '0s', clock: 'wall' });
      return newPoint({ sum: state.sum }, { time: 7n });
    },
  });
  const run = await runUdf(udf, { groupBy: ['host'] });
  await run.send('cpu,host=a v=1\ncpu,host=b v=2');
  const { points } = await run.stop();
  expect(points.map((point) => [point.tag('host'), point.field('sum'), point.time])).toEqual([
    ['a', 1, 7n],
    ['b', 2, 7n],
  ]);
});

test('createPoint works in a timer as anywhere', async () => {
  const udf = defineUdf({
    name: 'creating',
    wants: 'stream',
    provides: 'stream',
    point: (_point, { timers }) => {
      timers.set('x', { after: '1m', clock: 'wall' });
    },
    timer: ({ time }) => createPoint({ name: 'made', time, fields: { v: 1 } }),
  });
  const run = await runUdf(udf);
  await run.send('cpu v=1');
  expect((await run.advance('1m')).points.map(({ name }) => name)).toEqual(['made']);
});
