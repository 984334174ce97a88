import { defineUdf } from 'kapacitor-udf';
import { describe, expect, test } from 'vitest';
import { runUdf } from '../../../src/testkit/run.js';
import { at, second, timed } from '../support/timed-udf.js';

describe('snapshots', () => {
  test('hold the timers of all clocks', async () => {
    const run = await runUdf(timed, { groupBy: ['host'] });
    await run.send('cpu,host=a name="e",after="10s" 0\ncpu,host=a name="w",after="10s",clock="wall" 0');
    await run.send('cpu,host=b name="c",after="10s",clock="connection" 0\ncpu,host=none v=1 0');
    const again = await run.restart();
    expect((await again.advance('10s')).points.map((point) => point.field('name'))).toEqual(['w']);
    const { points } = await again.send(`cpu,host=a v=1 ${at(10)}`);
    expect(points.map((point) => [point.tag('host'), point.field('name')])).toEqual([
      ['a', 'e'],
      ['b', 'c'],
    ]);
  });

  test('hold the timers of a UDF without a state', async () => {
    const stateless = defineUdf({
      name: 'stateless',
      wants: 'stream',
      provides: 'stream',
      point: (_point, { timers }) => {
        timers.set('x', { after: '10s' });
      },
      timer: ({ time }, { newPoint, group }) => newPoint({ group, seconds: Number(time / second) }),
    });
    const run = await runUdf(stateless, { groupBy: ['host'] });
    await run.send('cpu,host=a v=1 0\ncpu,host=b v=1 0');
    const again = await run.restart();
    const { points } = await again.send(`cpu,host=b v=1 ${at(10)}`);
    expect(points.map(({ fields }) => fields)).toEqual([{ group: 'host=b', seconds: 10 }]);
  });

  test('an overdue timer of the wall clock fires soon after the restore', async () => {
    const run = await runUdf(timed);
    await run.send('cpu name="x",after="10s",clock="wall" 0');
    const snapshot = await run.snapshot();
    const again = await runUdf(timed, { snapshot, now: at(1000) });
    expect((await again.advance('0s')).points.map((point) => point.field('seconds'))).toEqual([10]);
  });

  test('of versions without timers are read as before', async () => {
    const before = defineUdf({
      name: 'timed',
      wants: 'stream',
      provides: 'stream',
      state: () => ({ points: 0 }),
      point: (_p, { state }) => {
        state.points++;
      },
    });
    const old = await runUdf(before);
    await old.send('cpu v=1 0\ncpu v=1 0');
    const run = await runUdf(timed, { snapshot: await old.snapshot() });
    await run.send('cpu name="x",after="1s" 0');
    const { points } = await run.send(`cpu v=1 ${at(1)}`);
    expect(points[0]!.field('points')).toBe(3);
    const back = await runUdf(before, { snapshot: await run.snapshot() });
    expect(back.log.filter(({ level }) => level === 'error')).toEqual([]);
  });
});

test('a group that expires loses its timers', async () => {
  const run = await runUdf(timed, { groupBy: ['host'], groupTtl: 60n * second });
  await run.send('cpu,host=a name="x",after="10s" 0\ncpu,host=b name="w",after="5m",clock="wall" 0');
  await run.send(`cpu,host=a v=1 ${at(100)}\ncpu,host=c v=1 ${at(100)}`);
  expect((await run.advance('1h')).points).toEqual([]);
  expect(run.points).toEqual([]);
});
