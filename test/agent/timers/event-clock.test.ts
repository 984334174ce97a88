import { defineUdf } from 'kapacitor-udf';
import { describe, expect, test } from 'vitest';
import { runUdf } from '../../../src/testkit/run.js';
import { at, second, timed } from '../support/timed-udf.js';

describe('a timer of the event clock', () => {
  test("fires when its group's time has reached it, before the point that does is handled", async () => {
    const run = await runUdf(timed, { groupBy: ['host'] });
    await run.send('cpu,host=a name="x",after="10s" 0');
    expect((await run.send(`cpu,host=b v=1 ${at(60)}\ncpu,host=a v=1 ${at(9)}`)).points).toEqual([]);
    const { points } = await run.send(`cpu,host=a v=1 ${at(10)}`);
    expect(points.map(({ time, name, tags, fields }) => ({ time, name, tags, fields }))).toEqual([
      {
        time: at(10),
        name: 'cpu',
        tags: { host: 'a' },
        fields: { name: 'x', seconds: 10, clock: 'event', points: 2, now: 0 },
      },
    ]);
    expect((await run.send(`cpu,host=a v=1 ${at(30)}`)).points).toEqual([]);
  });

  test('fires in order of time, and in order of setting where times are the same', async () => {
    const run = await runUdf(timed);
    for (const [name, time] of [
      ['d', 30],
      ['b', 20],
      ['c', 20],
      ['a', 10],
    ] as const) {
      await run.send(`cpu name="${name}",at=${time}i 0`);
    }
    const { points } = await run.send(`cpu v=1 ${at(40)}`);
    expect(points.map((point) => point.field('name'))).toEqual(['a', 'b', 'c', 'd']);
  });

  test('is replaced by one of the same name, also of another clock, and can be cancelled', async () => {
    const run = await runUdf(timed);
    await run.send('cpu name="x",at=10i 0\ncpu name="y",at=10i 0\ncpu name="z",at=10i 0');
    await run.send('cpu name="x",at=20i 0\ncpu name="y",at=10i,clock="wall" 0\ncpu cancel="z" 0');
    expect((await run.send(`cpu v=1 ${at(15)}`)).points).toEqual([]);
    expect((await run.send(`cpu v=1 ${at(20)}`)).points.map((point) => point.field('name'))).toEqual(['x']);
    expect((await run.advance('10s')).points.map((point) => point.field('name'))).toEqual(['y']);
  });

  test('may set the next one, which the same point may reach too', async () => {
    const ticking = defineUdf({
      name: 'ticking',
      wants: 'stream',
      provides: 'stream',
      point: (_point, { timers }) => {
        if (timers.get('tick') === undefined) timers.set('tick', { after: '1s' });
      },
      timer(_timer, { newPoint, timers }) {
        timers.set('tick', { after: second });
        return newPoint({ tick: true });
      },
    });
    const run = await runUdf(ticking, { groupBy: ['host'] });
    const { points } = await run.send(`cpu,host=a v=1 0\ncpu,host=a v=1 ${at(3)}`);
    expect(points.map(({ time }) => time)).toEqual([at(1), at(2), at(3)]);
  });
});

test('a timer of the connection clock fires when a point of any group has reached it', async () => {
  const run = await runUdf(timed, { groupBy: ['host'] });
  await run.send('cpu,host=a name="a",after="10s",clock="connection" 0');
  await run.send('cpu,host=b name="b",after="5s",clock="connection" 0\ncpu,host=b name="e",after="7s" 0');
  const { points } = await run.send(`cpu,host=b v=1 ${at(12)}`);
  expect(points.map((point) => [point.tag('host'), point.field('name')])).toEqual([
    ['b', 'b'],
    ['b', 'e'],
    ['a', 'a'],
  ]);
});
