import { defineUdf, type TimerSetting } from 'kapacitor-udf';
import { describe, expect, test } from 'vitest';
import { runUdf } from '../../../src/testkit/run.js';
import { at, second } from '../support/timed-udf.js';

describe('a timer that sets itself for a time that has passed', () => {
  /** Sets itself again by each firing, for the same time or an earlier one. */
  const restless = (when: TimerSetting, first: bigint = at(1)) =>
    defineUdf({
      name: 'restless',
      wants: 'stream',
      provides: 'stream',
      point(point, { timers }) {
        if (timers.get('x') === undefined) timers.set('x', { at: first, clock: when.clock });
        return point.replaceFields({ from: 'point' });
      },
      timer(_timer, { timers, newPoint }) {
        timers.set('x', when);
        return newPoint({ from: 'timer' });
      },
    });

  const from = (points: readonly { field(name: string): unknown }[]) =>
    points.map((point) => point.field('from'));

  test.each([
    ['after nothing', { after: 0n }],
    ['after a negative time', { after: -5n }],
    ['at a time long ago', { at: 0n }],
    ['by the clock of the connection', { after: 0n, clock: 'connection' }],
  ] as const)('%s fires once with each point', async (_what, when) => {
    const run = await runUdf(restless(when));
    await run.send('cpu v=1 0');
    expect(from((await run.send(`cpu v=1 ${at(5)}`)).points)).toEqual(['timer', 'point']);
    expect(from((await run.send(`cpu v=1 ${at(5)}\ncpu v=1 ${at(6)}`)).points)).toEqual([
      ...['timer', 'point'],
      ...['timer', 'point'],
    ]);
  });

  test('by the wall clock fires once with each move of the clock', async () => {
    const run = await runUdf(restless({ at: 0n, clock: 'wall' }));
    await run.send('cpu v=1 0');
    expect(from((await run.advance('10s')).points)).toEqual(['timer']);
    expect(from((await run.advance('0s')).points)).toEqual(['timer']);
  });

  test('by the wall clock fires at its own time and at the present, then waits', async () => {
    const run = await runUdf(restless({ after: 0n, clock: 'wall' }));
    await run.send('cpu v=1 0');
    expect((await run.advance('10s')).points.map(({ time }) => time)).toEqual([at(1)]);
    expect((await run.advance('0s')).points.map(({ time }) => time)).toEqual([at(1), at(10)]);
    expect((await run.advance('0s')).points.map(({ time }) => time)).toEqual([at(10)]);
  });

  test('fires after two timers that set each other too', async () => {
    const pair = defineUdf({
      name: 'pair',
      wants: 'stream',
      provides: 'stream',
      point: (_point, { timers }) => {
        timers.set('a', { at: at(1) });
      },
      timer({ name, time }, { timers, newPoint }) {
        timers.set(name === 'a' ? 'b' : 'a', { at: time });
        return newPoint({ name });
      },
    });
    const run = await runUdf(pair);
    await run.send('cpu v=1 0');
    const { points } = await run.send(`cpu v=1 ${at(2)}`);
    expect(points.map((point) => point.field('name'))).toEqual(['a']);
  });

  test('can be cancelled, or set for a later time that the same point reaches', async () => {
    const udf = defineUdf({
      name: 'changing',
      wants: 'stream',
      provides: 'stream',
      point: (_point, { timers }) => {
        if (timers.get('x') === undefined) timers.set('x', { at: at(1) });
      },
      timer({ time }, { timers, newPoint }) {
        timers.set('x', { at: time });
        timers.set('x', { at: time + second });
        timers.set('y', { at: time });
        timers.cancel('y');
        return newPoint({ from: 'timer' });
      },
    });
    const run = await runUdf(udf);
    await run.send('cpu v=1 0');
    expect((await run.send(`cpu v=1 ${at(3)}`)).points.map(({ time }) => time)).toEqual([
      at(1),
      at(2),
      at(3),
    ]);
    const again = await run.restart();
    expect((await again.send(`cpu v=1 ${at(4)}`)).points.map(({ time }) => time)).toEqual([at(4)]);
  });

  test('is part of a snapshot, and fires after the restore', async () => {
    const run = await runUdf(restless({ after: 0n }));
    await run.send(`cpu v=1 0\ncpu v=1 ${at(5)}`);
    const again = await run.restart();
    expect(from((await again.send(`cpu v=1 ${at(5)}`)).points)).toEqual(['timer', 'point']);
  });
});
