import { setTimeout as wait } from 'node:timers/promises';
import { defineUdf, option, type Point, UdfError } from 'kapacitor-udf';
import { expectBatches, expectPoints, causingInput, runUdf } from 'kapacitor-udf/testkit';
import { afterEach, describe, expect, test, vi } from 'vitest';
import edgeDetect from '../../udfs/edge-detect/edge-detect.js';
import mirror from '../../udfs/mirror/mirror.js';
import movingAverage from '../../udfs/moving-average/moving-average.js';
import outliers from '../../udfs/outliers/outliers.js';

afterEach(() => {
  vi.useRealTimers();
});

test('a complete unit test of a UDF takes a dozen lines', async () => {
  const run = await runUdf(edgeDetect, { options: { field: 'value' }, groupBy: ['host'] });
  await run.send(`
    adsl,host=router1 value="SHOWTIME" 1
    adsl,host=router1 value="SHOWTIME" 2
    adsl,host=router2 value="TRAINING" 2
    adsl,host=router1 value="TRAINING" 3`);
  const { points } = await run.stop();
  expectPoints(
    points,
    `adsl,host=router1 value="SHOWTIME" 1
     adsl,host=router2 value="TRAINING" 2
     adsl,host=router1 value="TRAINING" 3`,
  );
});

/** Emits its input's number within its group, a batch's too. */
const numbered = defineUdf({
  name: 'numbered',
  wants: 'stream',
  provides: 'stream',
  state: () => ({ seen: 0 }),
  point(point, { state, emit }) {
    if (point.field('boom') === true) throw new Error('boom');
    emit(point.replaceFields({ number: ++state.seen }));
  },
});

/** Emits a point three times, the last time after a while. */
const slow = defineUdf({
  name: 'slow',
  wants: 'stream',
  provides: 'stream',
  async point(point, { emit }) {
    emit(point);
    emit(point);
    await wait(1);
    emit(point);
  },
});

/** Emits each group's last point when the task stops. */
const lastOfGroup = defineUdf({
  name: 'lastOfGroup',
  wants: 'stream',
  provides: 'stream',
  state: () => ({ last: undefined as Point | undefined }),
  point(point, { state }) {
    state.last = point.detach();
  },
  stop({ state }) {
    if (state.last?.field('boom') === true) throw new Error('boom');
    return state.last;
  },
});

const countBatch = defineUdf({
  name: 'countBatch',
  wants: 'batch',
  provides: 'stream',
  batch(batch, { emit }) {
    for (const point of batch.points) emit(point);
  },
});

const passBatch = defineUdf({
  name: 'passBatch',
  wants: 'batch',
  provides: 'batch',
  point(point, { emit }) {
    emit(point);
  },
});

describe('a run', () => {
  test('keeps the state of each group apart', async () => {
    const run = await runUdf(numbered, { groupBy: ['host'] });
    await run.send(
      ['a', 'b', 'a', 'a', 'b'].map((host) => ({ name: 'cpu', tags: { host }, fields: { v: 1 } })),
    );
    const { points } = await run.stop();
    expect(points.map((point) => point.field('number'))).toEqual([1, 1, 2, 3, 2]);
    expect(run.stats).toMatchObject({ pointsIn: 5, pointsOut: 5, groups: 2 });
  });

  test('groups by all tags, and by the name of the measurement, as it is told', async () => {
    const run = await runUdf(mirror, { groupBy: '*', byName: true });
    const { points } = await run.send('cpu,host=a,dc=b v=1 1');
    expect(points[0]).toMatchObject({ group: 'cpu\ndc=b,host=a', dimensions: ['dc', 'host'], byName: true });
    await run.stop();
  });

  test('returns with each input what came of it, async handlers and all', async () => {
    const run = await runUdf(slow);
    expectPoints((await run.send('cpu v=1 1')).points, 'cpu v=1 1\ncpu v=1 1\ncpu v=1 1');
    expectPoints((await run.send('cpu v=2 2')).points, 'cpu v=2 2\ncpu v=2 2\ncpu v=2 2');
    expect((await run.stop()).points).toHaveLength(6);
  });

  test('gives points without a time one second each, or what it is told', async () => {
    const run = await runUdf(mirror, { startTime: 100n, interval: '10ns' });
    const { points } = await run.send('cpu v=1\ncpu v=1\ncpu v=1 500\ncpu v=1');
    expect(points.map(({ time }) => time)).toEqual([100n, 110n, 500n, 510n]);
    await run.stop();
    const other = await runUdf(mirror);
    expect((await other.send('cpu v=1\ncpu v=1')).points.map(({ time }) => time)).toEqual([
      0n,
      1_000_000_000n,
    ]);
    await other.stop();
  });

  test('lets windows of time pass at once: time is that of the points', async () => {
    const run = await runUdf(movingAverage, { options: { field: 'v', period: '1h' }, interval: '40m' });
    await run.send('cpu v=1\ncpu v=3\ncpu v=5\ncpu v=7');
    const { points } = await run.stop();
    expectPoints(
      points,
      [1, 2, 4, 6].map((avg) => ({ fields: { avg } })),
    );
  });

  test('answers keepalives', async () => {
    const run = await runUdf(mirror);
    await run.keepalive();
    await run.stop();
  });

  test('obeys a test runner’s fake timers, so that a handler’s waiting takes no time', async () => {
    vi.useFakeTimers();
    const patient = defineUdf({
      name: 'patient',
      wants: 'stream',
      provides: 'stream',
      async point(point, { emit }) {
        await new Promise((resolve) => setTimeout(resolve, 30_000));
        emit(point);
      },
    });
    const run = await runUdf(patient, { answerTimeoutMs: 60_000 });
    const sent = run.send('cpu v=1 1');
    await vi.advanceTimersByTimeAsync(30_000);
    expectPoints((await sent).points, 'cpu v=1 1');
    await run.stop();
  });

  test('starts a new instance from its snapshot', async () => {
    const first = await runUdf(numbered, { groupBy: ['host'] });
    await first.send('cpu,host=a v=1\ncpu,host=a v=1\ncpu,host=b v=1');
    const second = await first.restart();
    const { points } = await second.send('cpu,host=a v=1\ncpu,host=b v=1');
    expectPoints(points, [
      { tags: { host: 'a' }, fields: { number: 3 }, time: 3_000_000_000n },
      { tags: { host: 'b' }, fields: { number: 2 }, time: 4_000_000_000n },
    ]);
    await second.stop();
  });

  test('starts from a snapshot that it is given', async () => {
    const first = await runUdf(numbered);
    await first.send('cpu v=1\ncpu v=1');
    const snapshot = await first.snapshot();
    await first.stop();
    const second = await runUdf(numbered, { snapshot });
    expectPoints((await second.send('cpu v=1')).points, [{ fields: { number: 3 } }]);
    await second.stop();
  });

  test('hands in batches and gives back batches', async () => {
    const run = await runUdf(outliers, { options: { field: 'v' } });
    const values = [1, 2, 1, 2, 1, 2, 50];
    await run.send({ name: 'cpu', tags: { host: 'a' }, points: values.map((v) => ({ fields: { v } })) });
    const { batches } = await run.stop();
    expectBatches(batches, [
      { name: 'cpu', tags: { host: 'a' }, time: 6_000_000_000n, points: '_,host=a v=50 6000000000' },
    ]);
  });

  test('makes one batch a group of points that are given to a UDF that wants batches', async () => {
    const run = await runUdf(passBatch, { groupBy: ['host'] });
    const { batches } = await run.send(`
      cpu,host=a,core=0 v=1i 1
      cpu,host=b,core=0 v=2i 2
      cpu,host=a,core=1 v=3i 3`);
    expectBatches(batches, [
      {
        name: 'cpu',
        tags: { host: 'a' },
        time: 3n,
        points: '_,host=a,core=0 v=1i 1\n_,host=a,core=1 v=3i 3',
      },
      { name: 'cpu', tags: { host: 'b' }, time: 2n, points: '_,host=b,core=0 v=2i 2' },
    ]);
    await run.stop();
  });

  test('gives back the points of a UDF that makes a stream of batches', async () => {
    const run = await runUdf(countBatch, { groupBy: ['host'] });
    await run.send('cpu,host=a v=1 1\ncpu,host=b v=2 2');
    const { points } = await run.stop();
    expectPoints(points, 'cpu,host=a v=1 1\ncpu,host=b v=2 2');
  });

  test('keeps what was logged', async () => {
    const run = await runUdf(numbered, { taskId: 'cpu_alert', onError: 'drop' });
    await run.send('cpu boom=true 7');
    expect(run.log.filter(({ level }) => level === 'error')).toMatchObject([
      { message: expect.stringMatching(/numbered: task cpu_alert: boom .*dropped$/) as string },
    ]);
    await run.stop();
  });

  test('tells from which input each output came', async () => {
    const run = await runUdf(slow);
    const { points } = await run.send('cpu v=1 1\ncpu v=2 2');
    expect(points.map(causingInput)).toEqual([
      ...Array<string>(3).fill('input point 1: cpu v=1 1'),
      ...Array<string>(3).fill('input point 2: cpu v=2 2'),
    ]);
    await run.stop();
  });

  test('has the error that a handler threw as the cause of its failure, with its own stack', async () => {
    const run = await runUdf(numbered);
    const failure = await run.send('cpu boom=true 1').catch((reason: unknown) => reason as Error);
    expect(failure).toMatchObject({ rule: 'error-response', cause: { message: 'boom' } });
    expect(((failure as Error).cause as Error).stack).toMatch(/^Error: boom\n +at .*run\.test\.ts:\d+/);
  });

  test('has the error that prepare threw as the cause of its failure', async () => {
    const thrown = new Error('no table');
    const unprepared = defineUdf({
      name: 'unprepared',
      wants: 'stream',
      provides: 'stream',
      prepare: () => {
        throw thrown;
      },
      point: (point) => point,
    });
    await expect(runUdf(unprepared)).rejects.toMatchObject({ rule: 'init-refused', cause: thrown });
  });

  test('returns what stop emits for each group, and names the group as its cause', async () => {
    const run = await runUdf(lastOfGroup, { groupBy: ['host'] });
    expect((await run.send('cpu,host=a v=1 1\ncpu,host=b v=2 2\ncpu,host=a v=3 3')).points).toEqual([]);
    const { points } = await run.stop();
    expectPoints(points, 'cpu,host=a v=3 3\ncpu,host=b v=2 2');
    expect(points.map(causingInput)).toEqual(['stop of group "host=a"', 'stop of group "host=b"']);
  });

  test('says so where calls overlap, whose output is in the order of the input each time', async () => {
    const overlapping = defineUdf({
      name: 'overlapping',
      wants: 'stream',
      provides: 'stream',
      concurrency: 4,
      async point(point) {
        for (let turns = 4 - Number(point.time); turns > 0; turns--) await new Promise(setImmediate);
        return point;
      },
    });
    const run = await runUdf(overlapping, { groupBy: ['host'] });
    const { points } = await run.send('cpu,host=a v=1 1\ncpu,host=b v=1 2\ncpu,host=c v=1 3');
    await run.stop();
    expect(points.map(({ tags }) => tags.host)).toEqual(['a', 'b', 'c']);
    expect(points.map(causingInput)).toEqual(Array<string>(3).fill('calls that overlap'));
  });

  test('names the group whose stop failed', async () => {
    const run = await runUdf(lastOfGroup, { groupBy: ['host'] });
    await run.send('cpu,host=a v=1 1\ncpu,host=b boom=true 2');
    await expect(run.stop()).rejects.toMatchObject({
      rule: 'error-response',
      detail: expect.stringMatching(/boom.*; at stop of group "host=b"$/) as string,
      cause: { message: 'boom' },
    });
  });

  test('names the input point at which a handler failed', async () => {
    const run = await runUdf(numbered);
    await expect(run.send('cpu v=1 1\ncpu boom=true 2\ncpu v=1 3')).rejects.toMatchObject({
      rule: 'error-response',
      message: expect.stringMatching(/boom .*at input point 2: cpu boom=true 2/) as string,
    });
    await expect(run.stop()).rejects.toMatchObject({ rule: 'error-response' });
  });

  test.each(['send', 'advance', 'keepalive', 'snapshot', 'restart', 'stop'] as const)(
    'refuses %s after stop',
    async (method) => {
      const run = await runUdf(numbered);
      await run.stop();
      await expect((async () => run[method]('1s'))()).rejects.toMatchObject({
        code: 'invalid_argument',
        message: `${method}() after stop(): start a new run with runUdf`,
      });
    },
  );

  test('tells what is wrong with the options, in the words of the UDF', async () => {
    await expect(runUdf(movingAverage, { options: ".field('v').sise(3)" })).rejects.toMatchObject({
      rule: 'init-refused',
      detail:
        'movingAverage: one of .size() or .period() is required; unknown option .sise() (did you mean .size()?)',
    });
  });

  test.each([
    [['cpu v=1 1'], 'got string in an array; several lines are one string, with newlines between them'],
    [undefined, 'got undefined'],
    [[null], 'got null'],
    [5, 'got number'],
  ])('refuses %j, which is no input', async (input, message) => {
    const run = await runUdf(mirror);
    await expect(run.send(input as never)).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining(message) as string,
    });
    await run.stop();
  });

  test('refuses what is no point, with its line and column', async () => {
    const run = await runUdf(mirror);
    await expect(run.send('cpu v=1 1\ncpu v=one 2')).rejects.toMatchObject({
      code: 'malformed',
      message: expect.stringMatching(/^line 2: field "v" is no number, .*: one \(column \d+\)$/) as string,
    });
    await expect(run.send({ name: 'cpu', points: [] })).rejects.toBeInstanceOf(UdfError);
    expect((await run.send('cpu v=1 1')).points).toHaveLength(1);
    await run.stop();
  });

  test('takes every kind of option by name, typed by the definition', async () => {
    const seen: unknown[] = [];
    const definition = defineUdf({
      name: 'options',
      wants: 'stream',
      provides: 'stream',
      options: {
        text: option.string({ doc: '' }),
        whole: option.int({ doc: '' }),
        real: option.double({ doc: '' }),
        yes: option.bool({ doc: '' }),
        span: option.duration({ doc: '' }),
        other: option.duration({ doc: '' }),
        loud: option.flag({ doc: '' }),
        quiet: option.flag({ doc: '' }),
        field: option.string({ repeatable: true, doc: '' }),
        range: option.tuple([option.double({ doc: '' }), option.double({ doc: '' })], { doc: '' }),
        ranges: option.tuple([option.int({ doc: '' }), option.int({ doc: '' })], {
          repeatable: true,
          doc: '',
        }),
      },
      prepare: (options) => seen.push(options),
      point: () => undefined,
    });
    const options = {
      text: "it's",
      whole: 3,
      real: 3,
      yes: false,
      span: '1m30s',
      other: 5n,
      loud: true,
      quiet: false,
      field: ['a', 'b'],
      range: [1, 2.5],
      ranges: [[1, 2] as const, [3, 4] as const],
      onError: 'drop',
    } as const;
    await (await runUdf(definition, { options })).stop();
    const chain = `.text('it\\'s').whole(3).real(3.0).yes(FALSE).span(1m30s).other(5ns).loud().field('a')
      .field('b') // both
      .range(1.0, 2.5).ranges(1, 2).ranges(3, 4).onError('drop')`;
    await (await runUdf(definition, { options: chain })).stop();
    expect(seen[0]).toMatchObject({ ...options, span: 90_000_000_000n, range: [1, 2.5] });
    expect(seen[1]).toEqual(seen[0]);
  });
});
