import { Readable } from 'node:stream';
import { setImmediate as nextIteration } from 'node:timers/promises';
import { defineUdf, option, type Point } from 'kapacitor-udf';
import { describe, expect, test } from 'vitest';
import { openRecording } from '../../../src/recording/open.js';
import { replay } from '../../../src/replay/replay.js';
import { runUdf } from '../../../src/testkit/run.js';
import { kapacitorInMemory } from '../../support/connection.js';

/** Points with a field `steps` queue work of so many steps for their group; the others come back at once. */
const worker = defineUdf({
  name: 'worker',
  wants: 'stream',
  provides: 'stream',
  options: { throwsAt: option.int({ default: 0, doc: 'The step that fails.' }) },
  state: () => ({ steps: 0, done: 0 }),
  point(point, { state, timers }) {
    const steps = point.field('steps');
    if (typeof steps !== 'bigint') return point;
    state.steps = Number(steps);
    timers.whenIdle('work');
    return undefined;
  },
  timer({ name, clock }, { state, timers, options, newPoint }) {
    state.done++;
    if (state.done === options.throwsAt) throw new Error('no such step');
    if (state.done < state.steps) {
      timers.whenIdle('work');
      return newPoint({ step: state.done });
    }
    state.done = 0;
    return newPoint({ finished: true, name, clock });
  },
});

const point = (host: string, fields: Readonly<Record<string, bigint | boolean>>) => ({
  time: 0n,
  name: 'cpu',
  group: `host=${host}`,
  dimensions: ['host'],
  tags: { host },
  fields,
});
const work = (host: string, steps: bigint) => point(host, { steps });

/** What each point is: its host and its step, `finished` or `echo`. */
const kinds = (points: readonly Point[]): string[] =>
  points.map((each) => {
    const { step, finished } = each.fields;
    return `${each.tag('host')} ${step === undefined ? (finished === true ? 'finished' : 'echo') : String(step)}`;
  });

describe('a timer that waits for a moment without input', () => {
  test('fires after it, the steps of one group before those of the next', async () => {
    const { kapacitor } = kapacitorInMemory(worker);
    await kapacitor.init();
    kapacitor.point(work('a', 3n));
    kapacitor.point(work('b', 2n));
    kapacitor.point(point('c', { echo: true }));
    await kapacitor.received({ points: 6 });
    expect(kinds(kapacitor.points)).toEqual(['c echo', 'a 1', 'a 2', 'a finished', 'b 1', 'b finished']);
    expect(kapacitor.points[3]!.fields).toEqual({ finished: true, name: 'work', clock: 'wall' });
    await kapacitor.stop();
  });

  test('keeps its place when it is set again', async () => {
    const { kapacitor } = kapacitorInMemory(worker);
    await kapacitor.init();
    for (const host of ['a', 'b', 'a', 'b', 'a']) kapacitor.point(work(host, 1n));
    const { points } = await kapacitor.stop();
    expect(kinds(points)).toEqual(['a finished', 'b finished']);
  });

  test('lets input be handled between two steps', async () => {
    const { kapacitor } = kapacitorInMemory(worker);
    await kapacitor.init();
    kapacitor.point(work('a', 100_000n));
    for (let round = 1; round <= 5; round++) {
      const before = kapacitor.points.length;
      await kapacitor.received({ points: before + 1 });
      kapacitor.point(point('c', { echo: true }));
      while (kinds(kapacitor.points).filter((kind) => kind === 'c echo').length < round)
        await nextIteration();
    }
    expect(kinds(kapacitor.points)).not.toContain('a finished');
  });

  test('fires although input never ceases', async () => {
    const { kapacitor } = kapacitorInMemory(worker);
    await kapacitor.init();
    kapacitor.point(work('a', 3n));
    while (!kinds(kapacitor.points).includes('a finished')) {
      kapacitor.point(point('c', { echo: true }));
      await nextIteration();
    }
    await kapacitor.stop();
  });

  test('fires before the end, also if the input ends first', async () => {
    const { kapacitor } = kapacitorInMemory(worker);
    await kapacitor.init();
    kapacitor.point(work('a', 2n));
    const { points } = await kapacitor.stop();
    expect(kinds(points)).toEqual(['a 1', 'a finished']);
  });

  test('is part of a snapshot: the step that was next is the first one after a restore', async () => {
    const { kapacitor } = kapacitorInMemory(worker);
    await kapacitor.init();
    kapacitor.point(work('a', 1_000n));
    kapacitor.point(work('b', 1n));
    await kapacitor.received({ points: 2 });
    const snapshot = await kapacitor.snapshot();
    const steps = kapacitor.points.length;
    const { kapacitor: next } = kapacitorInMemory(worker);
    await next.init();
    await next.restore(snapshot);
    const { points } = await next.stop();
    expect(kinds(points.slice(0, 1))).toEqual([`a ${steps + 1}`]);
    expect(kinds(points.slice(-2))).toEqual(['a finished', 'b finished']);
    expect(points).toHaveLength(1_000 - steps + 1);
  });

  test('goes by the error policy when it throws, and the next group follows', async () => {
    const { kapacitor, log } = kapacitorInMemory(worker);
    await kapacitor.init(".throwsAt(2).onError('drop')");
    kapacitor.point(work('a', 3n));
    kapacitor.point(work('b', 1n));
    const { points } = await kapacitor.stop();
    expect(kinds(points)).toEqual(['a 1', 'b finished']);
    expect(log.map(({ message }) => message).join('\n')).toMatch(
      /no such step in timer "work" of group "host=a"/,
    );
  });

  test('fires in a test and in a replay before the next input', async () => {
    const run = await runUdf(worker, { groupBy: ['host'] });
    const input = ['cpu,host=a steps=2i 1', 'cpu,host=b steps=1i 2', 'cpu,host=c v=1i 3'];
    const expected = ['a 1', 'a finished', 'b finished', 'c echo'];
    expect(kinds((await run.send(input[0]!)).points)).toEqual(expected.slice(0, 2));
    await run.send(input.slice(1).join('\n'));
    expect(kinds((await run.stop()).points)).toEqual(expected);
    const recording = await openRecording(Readable.from([Buffer.from(input.join('\n'))]), {
      format: 'lp',
      groupBy: ['host'],
    });
    expect(kinds((await replay(recording, worker)).points)).toEqual(expected);
  });

  test('is refused where the use has no timers', async () => {
    const none = defineUdf({
      name: 'none',
      wants: 'stream',
      provides: 'stream',
      point(_point, { timers }) {
        timers.whenIdle('x');
      },
    });
    const run = await runUdf(none);
    await run.send('cpu v=1 0').catch(() => undefined);
    await expect(run.stop()).rejects.toThrow(/timers\.whenIdle\("x"\): the definition has no "timer"/);
  });
});
