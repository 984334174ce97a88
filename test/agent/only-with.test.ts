import { defineUdf, option } from 'kapacitor-udf';
import { describe, expect, test } from 'vitest';
import { expectPoints } from '../../src/expect/expect.js';
import { runUdf } from '../../src/testkit/run.js';

const options = {
  after: option.duration({ doc: 'Time to the timer.' }),
  last: option.flag({ doc: 'Emit at the end.' }),
};

/** Counts the points of a group. What it emits depends on which handlers a use has. */
const counting = defineUdf({
  name: 'counting',
  wants: 'stream',
  provides: 'stream',
  options,
  onlyWith: { timer: ['after'], stop: ['after', 'last'] },
  state: () => ({ count: 0 }),
  point(_point, { state, timers, options: { after } }) {
    state.count++;
    if (after !== undefined) timers.set('x', { after, clock: 'wall' });
  },
  timer: ({ name, time }, { newPoint, state }) => newPoint({ name, count: state.count }, { time }),
  stop: ({ group, state, log }) => {
    log.info(`${group} has ${state.count} points`);
  },
});

/** The same without handlers that only some uses have. */
const plain = defineUdf({
  name: 'counting',
  wants: 'stream',
  provides: 'stream',
  options,
  state: () => ({ count: 0 }),
  point(_point, { state }) {
    state.count++;
  },
});

const input = 'cpu,host=a v=1 0\ncpu,host=b v=1 1';

describe('handlers that only some uses have', () => {
  test('are called in a use with one of their options', async () => {
    const run = await runUdf(counting, { options: '.after(5s)', groupBy: ['host'] });
    await run.send(input);
    const { points } = await run.advance('5s');
    expectPoints(points, 'cpu,host=a name="x",count=1 5000000000\ncpu,host=b name="x",count=1 5000000000');
    await run.stop();
    expect(run.log.filter(({ message }) => message.includes('has 1 points'))).toHaveLength(2);
  });

  test('are not there for a use with none: its snapshot is that of a UDF without them, and `stop` is not called', async () => {
    const run = await runUdf(counting, { groupBy: ['host'] });
    const other = await runUdf(plain, { groupBy: ['host'] });
    for (const each of [run, other]) await each.send(input);
    expect((await run.snapshot()).length).toBe((await other.snapshot()).length);
    for (const each of [run, other]) await each.stop();
    expect(run.log.filter(({ message }) => message.includes('points'))).toEqual([]);
  });

  test('are told apart: one may be there without the other', async () => {
    const run = await runUdf(counting, { options: '.last()', groupBy: ['host'] });
    await run.send(input);
    expect((await run.advance('1h')).points).toEqual([]);
    await run.stop();
    expect(run.log.filter(({ message }) => message.includes('has 1 points'))).toHaveLength(2);
  });

  test('come and go with the options over a restart: the state is kept, timers are not', async () => {
    const uses = { ...counting, stateIndependentOf: ['after', 'last'] };
    const first = await runUdf(uses, { options: '.after(5s)' });
    await first.send('cpu v=1 0');
    const second = await runUdf(uses, { snapshot: await first.snapshot() });
    await second.send('cpu v=1 1');
    expect((await second.advance('1h')).points).toEqual([]);
    const third = await runUdf(uses, { options: '.after(5s)', snapshot: await second.snapshot() });
    expect((await third.advance('1h')).points).toEqual([]);
    await third.send('cpu v=1 2');
    expect((await third.advance('5s')).points.map(({ fields }) => fields.count)).toEqual([3]);
  });

  test('refuse to set a timer that would never fire, and name the options', async () => {
    const careless = defineUdf({
      name: 'careless',
      wants: 'stream',
      provides: 'stream',
      options,
      onlyWith: { timer: ['after', 'last'] },
      point: (_point, { timers }) => {
        timers.set('x', { after: '1s' });
      },
      timer: () => undefined,
    });
    const run = await runUdf(careless);
    await expect(run.send('cpu v=1 0')).rejects.toThrow(
      'by "onlyWith.timer" of the definition, only uses with .after() or .last() have timers',
    );
  });
});
