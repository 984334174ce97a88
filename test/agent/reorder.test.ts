import { defineUdf } from 'kapacitor-udf';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { ConcurrentCalls } from '../../src/agent/calls/concurrent-calls.js';
import type { FailurePolicy } from '../../src/agent/failure-policy.js';
import { InputPoints } from '../../src/agent/input-points.js';
import type { Instance } from '../../src/agent/instance.js';
import type { Output } from '../../src/agent/output.js';
import { Stages } from '../../src/agent/stages/stages.js';
import { runUdf } from '../../src/testkit/run.js';
import { LazyPoint } from '../../src/wire/point/lazy-point.js';
import mirror from '../../udfs/mirror/mirror.js';
import mirrorBatch from '../../udfs/mirror-batch/mirror-batch.js';
import { kapacitorInMemory } from '../support/connection.js';
import { refusal } from '../support/udf-runs.js';

const options = '.reorder(10s)';
const second = 1_000_000_000n;

/** Lines of points of a group at these seconds, each with its number as a field. */
function lines(host: string, ...seconds: number[]): string {
  return seconds.map((time, index) => `m,host=${host} n=${index}i ${BigInt(time) * second}`).join('\n');
}

const timesOf = (points: readonly { readonly time: bigint }[]): number[] =>
  points.map(({ time }) => Number(time / second));

describe('.reorder(duration)', () => {
  it('hands the points of a group on in order of time, once one is newer by that much', async () => {
    const run = await runUdf(mirror, { options });
    expect(timesOf((await run.send(lines('a', 0, 5, 3, 9))).points)).toEqual([]);
    expect(timesOf((await run.send(lines('a', 14))).points)).toEqual([0, 3]);
    expect(timesOf((await run.send(lines('a', 11, 30))).points)).toEqual([5, 9, 11, 14]);
  });

  it('keeps the order of points of the same time', async () => {
    const run = await runUdf(mirror, { options });
    const { points } = await run.send(`${lines('a', 1, 1, 1)}\n${lines('a', 20)}`);
    expect(points.map((point) => point.field('n'))).toEqual([0n, 1n, 2n]);
  });

  it('passes what is later still on at once, and counts it', async () => {
    const run = await runUdf(mirror, { options });
    await run.send(lines('a', 0, 5, 30));
    expect(timesOf((await run.send(lines('a', 4))).points)).toEqual([4]);
    expect(run.stats.counters).toEqual({ reorderLate: 1 });
  });

  it('orders each group by itself; one that falls silent is handed on by the points of others', async () => {
    const run = await runUdf(mirror, { options, groupBy: ['host'] });
    const { points } = await run.send(`${lines('a', 100, 99)}\n${lines('b', 5, 3)}\n${lines('b', 105)}`);
    expect(timesOf(points)).toEqual([3, 5]);
    const { points: more } = await run.send(lines('b', 110));
    expect(more.map((point) => [point.tag('host'), Number(point.time / second)])).toEqual([
      ['a', 99],
      ['a', 100],
    ]);
  });

  it('hands all on in order of time when the task stops, before `stop` is called', async () => {
    const order = defineUdf({
      name: 'order',
      wants: 'stream',
      provides: 'stream',
      state: () => ({ seen: [] as number[], last: undefined as LazyPoint | undefined }),
      point(point, { state }) {
        state.seen.push(Number(point.time / second));
        return point;
      },
      stop: ({ log, state }) => {
        log.info(`stopped after ${state.seen.join(' ')}`);
      },
    });
    const run = await runUdf(order, { options, groupBy: ['host'] });
    await run.send(`${lines('a', 4, 2)}\n${lines('b', 3, 1)}`);
    const { points } = await run.stop();
    expect(timesOf(points)).toEqual([1, 2, 3, 4]);
    expect(run.log.map(({ message }) => message)).toEqual(
      expect.arrayContaining(['stopped after 2 4', 'stopped after 1 3']),
    );
  });

  it('keeps waiting points in snapshots, and hands them on where the option was removed', async () => {
    const run = await runUdf(mirror, { options, groupBy: ['host'] });
    await run.send(lines('a', 0, 12, 11));
    const snapshot = await run.snapshot();
    const again = await runUdf(mirror, { options, groupBy: ['host'], snapshot });
    expect(timesOf((await again.send(lines('a', 1, 25))).points)).toEqual([1, 11, 12]);
    const without = await runUdf(mirror, { groupBy: ['host'], snapshot });
    expect(timesOf((await without.send(lines('a', 13))).points)).toEqual([11, 12, 13]);
  });

  it('holds at most `reorderBytes`: beyond it, what came first is handed on early, and counted', async () => {
    const run = await runUdf(mirror, { options, groupBy: ['host'], limits: { reorderBytes: 300 } });
    const { points } = await run.send(`${lines('a', 3, 2, 1)}\n${lines('b', 1)}\n${lines('c', 1)}`);
    expect(timesOf(points).slice(0, 3)).toEqual([1, 2, 3]);
    expect(run.stats.counters.reorderEarly).toBeGreaterThan(0);
  });

  it('recovers from a point of the far future', async () => {
    const run = await runUdf(mirror, { options });
    await run.send(lines('a', 0, 1_000_000));
    const late = Array.from({ length: 12 }, (_, index) => index + 1);
    await run.send(lines('a', ...late));
    const { points } = await run.send(lines('a', 30, 28, 50));
    expect(timesOf(points).slice(-2)).toEqual([28, 30]);
  });

  it('fires timers by the points that are handled, in order', async () => {
    const timed = defineUdf({
      name: 'timed',
      wants: 'stream',
      provides: 'stream',
      point(point, { timers }) {
        if (point.time === 0n) timers.set('x', { after: '2s' });
        return point;
      },
      timer: (_timer, { newPoint }) => newPoint({ timer: true }),
    });
    const run = await runUdf(timed, { options });
    const { points } = await run.send(lines('a', 0, 3, 1, 20));
    expect(points.map((point) => point.field('timer') ?? Number(point.time / second))).toEqual([
      0,
      1,
      true,
      3,
    ]);
  });

  it('waits for async handlers, one after another', async () => {
    const slow = defineUdf({
      name: 'slow',
      wants: 'stream',
      provides: 'stream',
      point: async (point) => {
        await Promise.resolve();
        return point;
      },
    });
    const { kapacitor, agent } = kapacitorInMemory(slow);
    await kapacitor.init(options);
    for (const time of [3n, 1n, 2n]) kapacitor.point({ time: time * second, name: 'm', fields: { v: 1 } });
    const { points } = await kapacitor.stop();
    await agent.closed;
    expect(timesOf(points)).toEqual([1, 2, 3]);
  });

  it('is refused where batches come in', async () => {
    expect(await refusal(mirrorBatch, options)).toBe(
      'mirrorBatch: .reorder() needs a UDF that wants a stream',
    );
  });
});

describe('.reorder(duration) with other features', () => {
  const limited = { callTimeoutMs: 10_000 };
  const state = () => ({ log: [] as string[] });

  it('runs an async point with a time limit before a timer that follows it', async () => {
    const timed = defineUdf({
      name: 'timed',
      wants: 'stream',
      provides: 'stream',
      ...limited,
      state,
      async point(point, { timers, state: { log } }) {
        if (point.time === 0n) timers.set('x', { at: 2n * second });
        await Promise.resolve();
        log.push(String(point.time / second));
        return point.replaceFields({ log: log.join(' ') });
      },
      async timer(_timer, { state: { log }, newPoint }) {
        await Promise.resolve();
        log.push('timer');
        return newPoint({ log: log.join(' ') });
      },
    });
    const run = await runUdf(timed, { options });
    const { points } = await run.send(lines('a', 0, 3, 1, 2, 20));
    expect(points.at(-1)!.field('log')).toBe('0 1 timer 2 3');
  });

  it.each(['group', 'all'] as const)(
    'orders the points of each group where calls overlap, with output ordered by %s',
    async (ordered) => {
      const slow = defineUdf({
        name: 'slow',
        wants: 'stream',
        provides: 'stream',
        concurrency: 4,
        ordered,
        async point(point) {
          for (let turns = Number(point.time / second) % 3; turns > 0; turns--) await nextTurn();
          return point;
        },
      });
      const { kapacitor } = kapacitorInMemory(slow);
      await kapacitor.init(options);
      const times = [4, 1, 3, 2, 0, 5, 9, 7, 8, 6, 30];
      for (const time of times) {
        for (const host of ['a', 'b', 'c']) {
          const head = { name: 'm', group: `host=${host}`, dimensions: ['host'], tags: { host } };
          kapacitor.point({ ...head, time: BigInt(time) * second, fields: { v: 1 } });
        }
      }
      const { points } = await kapacitor.stop();
      for (const host of ['a', 'b', 'c']) {
        const ofHost = points.filter((point) => point.tag('host') === host);
        expect(timesOf(ofHost)).toEqual(times.toSorted((a, b) => a - b));
      }
    },
  );

  it('passes released points on as calls have room for them', async () => {
    let waiting = 0;
    let room: (() => void) | undefined;
    const calls = {
      idle: () => undefined,
      point: () => {
        waiting++;
      },
      room: () =>
        waiting < 3 ? undefined : new Promise<void>((resolve) => (room = resolve)).then(() => (waiting = 0)),
    };
    const stages = new Stages({
      reorder: 10n * second,
      distinct: undefined,
      maxReorderBytes: Infinity,
      count: () => undefined,
      activated: () => undefined,
    });
    const points = new InputPoints({
      calls: calls as unknown as ConcurrentCalls,
      stages,
      count: () => undefined, // what is used of it
      instance: {} as unknown as Instance,
      failures: {} as unknown as FailurePolicy,
      timers: undefined, // not used with calls
      output: { blocked: false } as unknown as Output, // nothing else is used
      signal: new AbortController().signal,
    });
    const head = { name: 'm', database: '', retentionPolicy: '', group: '', dimensions: [], byName: false };
    for (let time = 0n; time < 10n; time++) {
      await points.point(LazyPoint.create({ ...head, tags: {}, time }, {}));
    }
    const released = points.point(LazyPoint.create({ ...head, tags: {}, time: 100n * second }, {}));
    let most = waiting;
    for (let round = 0; round < 10 && room; round++) {
      const resolve = room;
      room = undefined;
      resolve();
      await nextTurn();
      most = Math.max(most, waiting);
    }
    await released;
    expect(most).toBe(3);
    expect(waiting).toBe(10 % 3);
  });

  it('hands on a late point before those that are due', async () => {
    const run = await runUdf(mirror, { options, groupBy: ['host'] });
    await run.send(`${lines('a', 0, 15)}\n${lines('b', 12)}\n${lines('a', 30)}`);
    expect(timesOf((await run.send(lines('a', 1))).points)).toEqual([1]);
  });

  it('limits the time of each call, not of all that a point releases', async () => {
    const slow = defineUdf({
      name: 'slow',
      wants: 'stream',
      provides: 'stream',
      point: (point) => new Promise<typeof point>((resolve) => setTimeout(resolve, 40, point)),
    });
    const { kapacitor, agent } = kapacitorInMemory(slow, { limits: { handlerMs: 150 } });
    await kapacitor.init(options);
    for (const time of [3n, 1n, 2n, 4n, 5n, 6n, 30n]) {
      kapacitor.point({ time: time * second, name: 'm', fields: { v: 1 } });
    }
    const { points } = await kapacitor.stop();
    expect(timesOf(points)).toEqual([1, 2, 3, 4, 5, 6, 30]);
    expect(agent.failure).toBeUndefined();
  });
});

describe('a point of the far future', () => {
  const far = 1_000_000;

  it('is handed on alone by the next point, and disturbs no other', async () => {
    const run = await runUdf(mirror, { options });
    await run.send(lines('a', 0, 5, far));
    expect(timesOf((await run.send(lines('a', 3))).points)).toEqual([far]);
    expect(timesOf((await run.send(lines('a', 14, 11, 25))).points)).toEqual([0, 3, 5, 11, 14]);
    expect(run.stats.counters).toEqual({});
  });

  it('does not keep a silent group from being handed on by the points of others', async () => {
    const run = await runUdf(mirror, { options, groupBy: ['host'] });
    await run.send(`${lines('a', 1)}\n${lines('b', 0, far)}\n${lines('c', 2)}`);
    const { points } = await run.send(lines('c', 8, 14));
    expect(points.map((point) => point.tag('host'))).toContain('a');
  });

  it('is the present if the next one confirms it: after a gap, points are put in order as before', async () => {
    const run = await runUdf(mirror, { options, groupBy: ['host'] });
    await run.send(`${lines('a', 0)}\n${lines('b', 0)}`);
    const { points } = await run.send(
      `${lines('a', far)}\n${lines('b', far - 3)}\n${lines('a', far - 5, far + 1, far + 20)}`,
    );
    expect(timesOf(points.filter((point) => point.tag('host') === 'a'))).toEqual([0, far - 5, far, far + 1]);
    expect(run.stats.counters).toEqual({});
  });

  it('sets the time back once late points have come for long, where it was the first', async () => {
    const run = await runUdf(mirror, { options });
    await run.send(lines('a', far));
    await run.send(lines('a', ...Array.from({ length: 12 }, (_, minute) => 60 * minute)));
    const { points } = await run.send(lines('a', 702, 701, 720));
    expect(timesOf(points)).toEqual([660, 701, 702]);
  });
});

describe('a group without waiting points', () => {
  const silenced = async () => {
    const run = await runUdf(mirror, { options, groupBy: ['host'] });
    const { points } = await run.send(`${lines('a', 100)}\n${lines('b', 111)}`);
    expect(timesOf(points)).toEqual([100]);
    return run;
  };

  it('still counts as late what is older than its last point', async () => {
    const run = await silenced();
    expect(timesOf((await run.send(lines('a', 99))).points)).toEqual([99]);
    expect(run.stats.counters).toEqual({ reorderLate: 1 });
  });

  it('does so after a restore', async () => {
    const run = await silenced();
    const again = await runUdf(mirror, { options, groupBy: ['host'], snapshot: await run.snapshot() });
    expect(timesOf((await again.send(lines('a', 99))).points)).toEqual([99]);
    expect(again.stats.counters).toEqual({ reorderLate: 1 });
  });
});
