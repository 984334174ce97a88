import { defineUdf } from 'kapacitor-udf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReorderBuffer } from '../../src/agent/stages/reorder-buffer.js';
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

describe('ReorderBuffer', () => {
  it('hands each point on exactly once, those of a group in order unless they are late', () => {
    const wait = 5n;
    const point = (...groups: string[]) =>
      fc.record({ group: fc.constantFrom(...groups), time: fc.bigInt(0n, 40n) });
    const points = fc.oneof(
      fc.array(point('a', 'b'), { maxLength: 60 }),
      fc.array(point('a'), { maxLength: 10 }),
    );
    fc.assert(
      fc.property(points, (inputs) => {
        const late: unknown[] = [];
        const buffer = new ReorderBuffer(wait, Infinity, { late: () => undefined, early: () => undefined });
        const out: LazyPoint[] = [];
        for (const [number, { group, time }] of inputs.entries()) {
          const head = {
            ...{ time, name: 'm', database: '', retentionPolicy: '', group },
            ...{ dimensions: [], byName: false, tags: {} },
          };
          const added = LazyPoint.create(head, { number: BigInt(number) });
          if (buffer.add(added)) for (let next; (next = buffer.next());) out.push(next);
          else late.push(number);
        }
        for (let next; (next = buffer.takeFirst());) out.push(next);
        expect(buffer.size).toBe(0);
        expect(out.length + late.length).toBe(inputs.length);
        expect(new Set(out.map((one) => one.field('number'))).size).toBe(out.length);
        // A group's clock may be set back after so many, and a group that was silent is forgotten.
        if (inputs.length > 10 || new Set(inputs.map(({ group }) => group)).size > 1) return;
        const times = out.map(({ time }) => time);
        expect(times).toEqual(times.toSorted((a, b) => Number(a - b)));
      }),
    );
  });
});
