import { setImmediate as turn } from 'node:timers/promises';
import { type BatchPoint, defineUdf, type Point, UdfError } from 'kapacitor-udf';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { expectBatches, expectPoints } from '../../src/expect/expect.js';
import { runUdf } from '../../src/testkit/run.js';
import type { ErrorPolicy } from '../../src/udf/runtime-options.js';
import { kapacitorInMemory } from '../support/connection.js';

/** The line of the `throw` below. */
const thrownAt = 'test/agent/error-policy.test.ts:17';

afterEach(() => {
  vi.useRealTimers();
});

function check(point: Point | BatchPoint): void {
  if (point.field('bad') === true) throw new Error('no value');
}

/** Fails for points with the field `bad`, at once or after a while. */
function picky(when: 'sync' | 'async', onError?: ErrorPolicy) {
  return defineUdf({
    name: 'picky',
    wants: 'stream',
    provides: 'stream',
    ...(onError && { onError }),
    state: () => ({ seen: 0 }),
    point(point, context) {
      context.state.seen++;
      const go = (): void => {
        check(point);
        context.emit(point.withField('seen', context.state.seen));
      };
      if (when === 'sync') {
        go();
        return;
      }
      return turn().then(go);
    },
  });
}

const pickyBatch = defineUdf({
  name: 'pickyBatch',
  wants: 'batch',
  provides: 'batch',
  batch(batch, { emit }) {
    batch.points.forEach(check);
    emit(batch.withPoints([]));
  },
});

const input = 'cpu,host=a v=1 1\ncpu,host=a bad=true 2\ncpu,host=a v=3 3';

describe.each(['sync', 'async'] as const)('when a handler fails (%s),', (when) => {
  test('by default the task stops, with what happened and where in the error that Kapacitor shows', async () => {
    const { kapacitor, agent } = kapacitorInMemory(picky(when), {}, { writes: 'coalesced' });
    await kapacitor.init();
    for (const [time, bad] of [
      [1n, false],
      [2n, true],
      [3n, false],
    ] as const) {
      kapacitor.point({ time, name: 'cpu', tags: { host: 'a' }, dimensions: ['host'], fields: { bad } });
    }
    await kapacitor.closed;
    await agent.closed;
    expect(kapacitor.failure).toMatchObject({
      rule: 'error-response',
      detail: `picky: task test: no value on the point of group "host=a" at 2 (at ${thrownAt})`,
    });
    // What was emitted before it has arrived; nothing behind it was handled.
    expect(kapacitor.points.map(({ time }) => time)).toEqual([1n]);
    expect(agent.stats).toMatchObject({ pointsIn: 2, errors: 1 });
    expect(agent.failure).toMatchObject({ code: 'handler' });
  });

  test('the point can be dropped, counted and logged, and the task goes on', async () => {
    const run = await runUdf(picky(when, 'drop'));
    expectPoints((await run.send(input)).points, 'cpu,host=a v=1,seen=1 1\ncpu,host=a v=3,seen=3 3');
    await run.stop();
    expect(run.stats.errors).toBe(1);
    expect(run.log.filter(({ level }) => level === 'error')).toMatchObject([
      {
        message: `picky: task test: no value on the point at 2 (at ${thrownAt}); dropped`,
      },
    ]);
  });

  test('the point can be passed on unchanged', async () => {
    const run = await runUdf(picky(when, 'pass'));
    expectPoints(
      (await run.send(input)).points,
      'cpu,host=a v=1,seen=1 1\ncpu,host=a bad=true 2\ncpu,host=a v=3,seen=3 3',
    );
    await run.stop();
    expect(
      run.log.some(({ message }) => message.endsWith(`at 2 (at ${thrownAt}); passed on unchanged`)),
    ).toBe(true);
  });
});

describe('the policy', () => {
  test('of the TICKscript goes before the one of the host, and that before the one of the author', async () => {
    const bad = 'cpu bad=true 2';
    const author = await runUdf(picky('sync', 'drop'));
    expect((await author.send(bad)).points).toEqual([]);
    await author.stop();
    const host = await runUdf(picky('sync', 'drop'), { onError: 'pass' });
    expect((await host.send(bad)).points).toHaveLength(1);
    await host.stop();
    const script = await runUdf(picky('sync', 'drop'), { onError: 'pass', options: ".onError('stop')" });
    await expect(script.send(bad)).rejects.toMatchObject({ rule: 'error-response' });
    const dropped = await runUdf(picky('sync'), { options: ".onError('drop')" });
    expect((await dropped.send(bad)).points).toEqual([]);
    await dropped.stop();
  });

  test('holds for batches: one that fails is dropped, or passed on byte for byte', async () => {
    const dropped = await runUdf(pickyBatch, { onError: 'drop' });
    expect((await dropped.send('cpu bad=true 1\ncpu v=1 2')).batches).toEqual([]);
    expect((await dropped.send('cpu v=1 3')).batches).toHaveLength(1);
    await dropped.stop();
    const passed = await runUdf(pickyBatch, { onError: 'pass' });
    expectBatches((await passed.send('cpu bad=true 1\ncpu v=1 2')).batches, [
      { name: 'cpu', time: 2n, points: '_ bad=true 1\n_ v=1 2' },
    ]);
    await passed.stop();
  });

  test("'pass' is refused at init where the UDF does not provide what it wants", async () => {
    const flatten = defineUdf({
      name: 'flatten',
      wants: 'batch',
      provides: 'stream',
      batch: () => undefined,
    });
    await expect(runUdf(flatten, { options: { onError: 'pass' } })).rejects.toMatchObject({
      rule: 'init-refused',
      detail: "flatten: .onError('pass') needs a UDF that provides what it wants",
    });
  });

  test('takes whatever is thrown', async () => {
    for (const thrown of [undefined, null, 'text', 7, { message: 'x' }, Object.create(null) as object]) {
      const throwing = defineUdf({
        name: 'throwing',
        wants: 'stream',
        provides: 'stream',
        point: () => {
          throw thrown; // eslint-disable-line @typescript-eslint/only-throw-error -- authors' dependencies may
        },
      });
      const run = await runUdf(throwing, { onError: 'pass' });
      expect((await run.send('cpu v=1')).points).toHaveLength(1);
      await run.stop();
      await expect(runUdf(throwing).then((other) => other.send('cpu v=1'))).rejects.toMatchObject({
        rule: 'error-response',
      });
    }
  });

  test('leaves the state as it was before a handler that replaced it and then failed', async () => {
    const replacing = defineUdf({
      name: 'replacing',
      wants: 'stream',
      provides: 'stream',
      onError: 'drop',
      state: () => ({ seen: 0 }),
      point(point, context) {
        context.state = { seen: context.state.seen + 1 };
        check(point);
        context.emit(point.replaceFields({ seen: context.state.seen }));
      },
    });
    const run = await runUdf(replacing);
    const { points } = await run.send(input);
    expect(points.map((point) => point.field('seen'))).toEqual([1, 2]);
    await run.stop();
  });

  test('logs at most a line in ten seconds, and how many it left out', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const run = await runUdf(picky('sync', 'drop'));
    const bad = Array.from({ length: 100 }, () => ({ name: 'cpu', fields: { bad: true } }));
    await run.send(bad);
    vi.advanceTimersByTime(10_000);
    await run.send(bad);
    await run.stop();
    const errors = run.log.filter(({ level }) => level === 'error');
    expect(errors.map(({ details }) => details.suppressed)).toEqual([undefined, 99]);
    expect(run.stats.errors).toBe(200);
  });

  test('does not cover bytes that are broken, which show when a handler looks at its point', async () => {
    const { kapacitor, agent } = kapacitorInMemory(picky('sync', 'drop'));
    await kapacitor.init();
    // A point whose time is a varint without an end.
    kapacitor.write(Buffer.of(5, 0x8a, 0x01, 2, 0x08, 0xff));
    await agent.closed;
    expect(agent.failure).toMatchObject({ code: 'malformed' });
  });

  test('shows the author’s own UdfError as it is', async () => {
    const own = defineUdf({
      name: 'own',
      wants: 'stream',
      provides: 'stream',
      point: () => {
        throw new UdfError('handler', 'the table is empty');
      },
    });
    const run = await runUdf(own);
    await expect(run.send('cpu v=1 7')).rejects.toMatchObject({
      detail: expect.stringMatching(
        /^own: task test: the table is empty on the point at 7 \(at test\/.+:\d+\); at input point 1: cpu v=1 7$/,
      ) as string,
    });
  });
});
