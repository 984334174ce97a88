import { defineUdf, type Point } from 'kapacitor-udf';
import { describe, expect, test } from 'vitest';
import { expectBatches, expectPoints } from '../../src/expect/expect.js';
import { parseLines } from '../../src/recording/line-protocol.js';
import { replay } from '../../src/replay/replay.js';
import { runUdf } from '../../src/testkit/run.js';
import { LazyPoint } from '../../src/wire/point/lazy-point.js';

const udf = (point: (input: Point) => Point | readonly Point[] | undefined | Promise<undefined>) =>
  defineUdf({ name: 'mine', wants: 'stream', provides: 'stream', onError: 'drop', point });

const input = 'cpu v=1 1\ncpu v=2 2\ncpu v=3 3';

/** The first line of the failure, where one point was expected. */
function failureOf(points: readonly Point[]): string {
  try {
    expectPoints(points, 'cpu v=1 1');
  } catch (reason) {
    return (reason as Error).message.split('\n')[0]!; // an ExpectationError
  }
  throw new Error('the difference was not noticed');
}

describe('where points are expected and nothing was emitted, the failure says what the handlers did:', () => {
  test('they returned nothing, as where "return" is forgotten', async () => {
    const forgetful = udf((point) => {
      point.withField('seen', true);
      return undefined;
    });
    const run = await runUdf(forgetful);
    const text = 'expected 1 point, got 0: point() returned nothing for 3 points, and nothing was emitted';
    expect(failureOf((await run.send(input)).points)).toBe(text);
    expect(failureOf(run.points)).toBe(text);
    expect(failureOf((await run.send('cpu v=4 4')).points)).toBe(
      text.replace('3 points', '1 point'), // since the call before
    );
    expect(failureOf((await run.stop()).points)).toBe(text.replace('3', '4'));
  });

  test('they returned promises of nothing, or empty arrays', async () => {
    const asynchronous = await runUdf(udf(() => Promise.resolve(undefined)));
    expect(failureOf((await asynchronous.send(input)).points)).toContain('returned nothing for 3 points');
    const empty = await runUdf(udf(() => []));
    expect(failureOf((await empty.send(input)).points)).toContain('returned nothing for 3 points');
  });

  test('they threw, and the error policy dropped the points', async () => {
    const failing = udf((point) => {
      if (point.number('v') === 2) return undefined;
      throw new Error('no');
    });
    const run = await runUdf(failing);
    expect(failureOf((await run.send(input)).points)).toBe(
      'expected 1 point, got 0: point() threw for 2 points, see the log; point() returned nothing for 1 point, and nothing was emitted',
    );
  });

  test('they were not called', async () => {
    const run = await runUdf(
      udf((point) => point),
      { options: '.reorder(1h)' },
    );
    expect(failureOf((await run.send(input)).points)).toBe(
      'expected 1 point, got 0: no handler of the UDF was called',
    );
  });

  test('the points of a batch were handled one by one, and none was returned', async () => {
    const forgetful = defineUdf({
      name: 'mine',
      wants: 'batch',
      provides: 'batch',
      point: () => undefined,
    });
    const run = await runUdf(forgetful);
    const { batches } = await run.send({ name: 'cpu', time: 9n, points: [{ time: 1n, fields: { v: 1 } }] });
    expect(() => {
      expectBatches(batches, [{ name: 'cpu', points: 'cpu v=1 1' }]);
    }).toThrow(
      'expected 1 batch, got 1 with other content: point() returned nothing for 1 point, and nothing was emitted',
    );
  });

  test('the time of day, which points do not move, is before that of a timer', async () => {
    const silence = defineUdf({
      name: 'mine',
      wants: 'stream',
      provides: 'stream',
      point: (point, { timers }) => {
        timers.set('due', { at: point.time + 60_000_000_000n, clock: 'wall' });
      },
      timer: (_, { newPoint }) => newPoint({ alive: false }),
    });
    const run = await runUdf(silence);
    await run.send('cpu v=1 1714989600000000000');
    expect(failureOf((await run.advance('10m')).points)).toBe(
      "expected 1 point, got 0: no handler of the UDF was called; the run's time of day is 600000000000, before that of the last input: start there, runUdf(udf, { now: 1714989600000000000n })",
    );
    const started = await runUdf(silence, { now: 1_714_989_600_000_000_000n });
    await started.send('cpu v=1 1714989600000000000');
    expectPoints((await started.advance('10m')).points, 'cpu alive=false 1714989660000000000');
  });

  test('batches come out, not points', async () => {
    const batches = defineUdf({ name: 'mine', wants: 'batch', provides: 'batch', batch: (batch) => batch });
    const run = await runUdf(batches);
    await run.send('cpu v=1 1');
    expect(failureOf(run.points)).toBe(
      'expected 1 point, got 0: the UDF provides batches, which are in "batches"',
    );
    const points = await runUdf(udf((point) => point));
    expect(() => {
      expectBatches(points.batches, [{ name: 'cpu' }]);
    }).toThrow('expected 1 batch, got 0: the UDF provides points, which are in "points"');
  });

  test('also after a replay', async () => {
    const head = { database: '', retentionPolicy: '', group: '', dimensions: [], byName: false };
    async function* recording(): AsyncGenerator<readonly LazyPoint[]> {
      await Promise.resolve();
      yield parseLines(input).map((line) =>
        LazyPoint.create(
          { name: line.name, time: line.time!, tags: line.tags, ...head }, // the lines have times
          line.fields,
        ),
      );
    }
    const { points } = await replay(
      recording(),
      udf(() => undefined),
    );
    expect(failureOf(points)).toContain('point() returned nothing for 3 points');
  });
});

test('nothing is said where points were emitted, or of points of other origin', async () => {
  const run = await runUdf(udf((point) => (point.number('v') === 1 ? point.withField('v', 5) : undefined)));
  expect(failureOf((await run.send(input)).points)).toBe('expected 1 point, got 1 with other content');
  expect(failureOf([])).toBe('expected 1 point, got 0');
});
