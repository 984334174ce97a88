import { createBatch, createPoint, defineUdf } from 'kapacitor-udf';
import { describe, expect, test } from 'vitest';
import { expectBatches, expectPoints } from '../../src/expect/expect.js';
import { runUdf } from '../../src/testkit/run.js';

const aBatch = createBatch({ name: 'cpu', time: 1n, points: [{ time: 1n, fields: { v: 1 } }] });

const one = [{ time: 1n, fields: { v: 1 } }];
const two = [...one, { time: 2n, fields: { v: 2 } }];

/** A UDF whose `point` returns what a test says, as if it had no types. */
function returning(returned: (point: never) => unknown) {
  return defineUdf({
    name: 'odd',
    wants: 'stream',
    provides: 'stream',
    point: (point) => returned(point as never) as never,
  });
}

describe('what `point` returns is emitted:', () => {
  test.each([
    ['a point', (point: object) => point, 'cpu v=1 5'],
    ['a promise of one', (point: object) => Promise.resolve(point), 'cpu v=1 5'],
    ['an array', (point: object) => [point, point], 'cpu v=1 5\ncpu v=1 5'],
    ['a promise of an array', (point: object) => Promise.resolve([point, point]), 'cpu v=1 5\ncpu v=1 5'],
  ])('%s', async (_what, returned, expected) => {
    const run = await runUdf(returning(returned));
    expectPoints((await run.send('cpu v=1 5')).points, expected);
    await run.stop();
  });

  test.each([
    ['undefined', () => undefined],
    ['null', () => null],
    ['an empty array', () => []],
    ['a promise of nothing', () => Promise.resolve()],
    ['a promise of null', () => Promise.resolve(null)],
  ])('%s is nothing', async (_what, returned) => {
    const run = await runUdf(returning(returned));
    expect((await run.send('cpu v=1 5')).points).toEqual([]);
    await run.stop();
    expect(run.stats.errors).toBe(0);
  });

  test('after what it has emitted itself', async () => {
    const both = defineUdf({
      name: 'both',
      wants: 'stream',
      provides: 'stream',
      point(point, { emit }) {
        emit(point.withField('n', 1));
        return point.withField('n', 2);
      },
    });
    const run = await runUdf(both);
    expectPoints((await run.send('cpu v=1 5')).points, 'cpu v=1,n=1 5\ncpu v=1,n=2 5');
    await run.stop();
  });
});

describe('the other handlers may return what they emit too:', () => {
  test('`batch` a batch', async () => {
    const run = await runUdf(
      defineUdf({
        name: 'b',
        wants: 'batch',
        provides: 'batch',
        batch: (batch) => batch.withPoints(batch.points.slice(0, 1)),
      }),
    );
    const { batches } = await run.send([{ name: 'cpu', time: 9n, points: two }]);
    expect(batches.map(({ points }) => points.length)).toEqual([1]);
    await run.stop();
  });

  test('`batch` of a UDF that provides a stream the points', async () => {
    const run = await runUdf(
      defineUdf({ name: 'b', wants: 'batch', provides: 'stream', batch: ({ points }) => points }),
    );
    const { points } = await run.send([{ name: 'cpu', time: 9n, points: two }]);
    expectPoints(points, 'cpu v=1 1\ncpu v=2 2');
    await run.stop();
  });

  test('`beginBatch`, `point` and `endBatch` points of the batch, also when they are async', async () => {
    const at = (v: number) => createPoint({ name: 'cpu', time: BigInt(v), fields: { v } });
    const run = await runUdf(
      defineUdf({
        name: 'b',
        wants: 'batch',
        provides: 'batch',
        beginBatch: () => at(0),
        point: (point) => [point, point],
        endBatch: () => Promise.resolve([at(8), at(9)]),
      }),
    );
    const { batches } = await run.send([{ name: 'cpu', time: 9n, points: one }]);
    expectBatches(batches, [{ name: 'cpu', points: '_ v=0 0\n_ v=1 1\n_ v=1 1\n_ v=8 8\n_ v=9 9' }]);
    await run.stop();
  });
});

describe('what is no item is an error that names the UDF, the handler and the way to write it:', () => {
  const way = 'return nothing, a point or an array of them';
  test.each([
    [
      'a number, as a short arrow function does',
      (): unknown => [1].push(1),
      `point returned a number; ${way}`,
    ],
    ['false', () => false, `point returned a boolean; ${way}`],
    ['text', () => 'done', `point returned a string; ${way}`],
    ['a plain object', () => ({ time: 1n }), `point returned an object; ${way}; make one with createPoint()`],
    ['a batch', () => aBatch, `point returned a batch; ${way}; of a batch, return the points`],
    ['an array with nothing in it', () => [undefined], `point returned undefined; ${way}`],
    ['an array in an array', () => [[]], `point returned an array; ${way}`],
    ['a promise of a number', () => Promise.resolve(1), `point returned a number; ${way}`],
  ])('%s', async (_what, returned, message) => {
    const run = await runUdf(returning(returned), { onError: 'drop' });
    expect(await run.send('cpu v=1 5')).toEqual({ points: [], batches: [] });
    await run.stop();
    expect(run.stats.errors).toBe(1);
    expect(run.log.find(({ level }) => level === 'error')?.message).toBe(
      `odd: task test: ${message}; on the point at 5 (the UDF is defined at test/agent/returned.test.ts:13); dropped`,
    );
  });

  test('of any handler', async () => {
    const run = await runUdf(
      defineUdf({
        name: 'b',
        wants: 'batch',
        provides: 'batch',
        point: (point) => point,
        endBatch: () => 7 as never,
      }),
    );
    const sent = run.send([{ name: 'cpu', time: 9n, points: one }]);
    await expect(sent).rejects.toThrow(`b: task test: endBatch returned a number; ${way}`);
  });

  test('and does not change the state that the handler has assigned', async () => {
    const run = await runUdf(
      defineUdf({
        name: 'odd',
        wants: 'stream',
        provides: 'stream',
        state: () => ({ seen: 0 }),
        point(point, context) {
          context.state = { seen: context.state.seen + 1 };
          return point.field('bad') === true ? (5 as never) : point.withField('seen', context.state.seen);
        },
      }),
      { onError: 'drop' },
    );
    const { points } = await run.send('cpu bad=true 1\ncpu bad=false 2');
    expect(points.map((point) => point.field('seen'))).toEqual([1]);
    await run.stop();
  });
});
