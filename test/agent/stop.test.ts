import { setImmediate as turn } from 'node:timers/promises';
import { createBatch, createPoint, defineUdf, type Point } from 'kapacitor-udf';
import { describe, expect, test } from 'vitest';
import { runUdf } from '../../src/testkit/run.js';
import { kapacitorInMemory, udfSocket } from '../support/connection.js';

/** Adds up a group's values, and emits the sum when the input ends. */
const summing = defineUdf({
  name: 'summing',
  wants: 'stream',
  provides: 'stream',
  state: () => ({ last: undefined as Point | undefined, sum: 0 }),
  point(point, { state }) {
    state.last = point.detach();
    state.sum += point.field('v') as number;
  },
  stop: ({ state, group }) => state.last?.replaceFields({ sum: state.sum, group }),
});

const input = 'cpu,host=a v=1 1\ncpu,host=b v=2 2\ncpu,host=a v=3 3';

describe('stop', () => {
  test('is called for each group when Kapacitor has closed its side, and what it returns arrives', async () => {
    const socket = await udfSocket(summing);
    const kapacitor = await socket.kapacitor();
    await kapacitor.init();
    for (const [host, v] of [
      ['a', 1],
      ['b', 2],
      ['a', 3],
    ] as const) {
      kapacitor.point({ time: 1n, name: 'cpu', group: `host=${host}`, tags: { host }, fields: { v } });
    }
    const { points } = await kapacitor.stop();
    expect(points.map(({ tags, fields }) => [tags, fields])).toEqual([
      [{ host: 'a' }, { sum: 4, group: 'host=a' }],
      [{ host: 'b' }, { sum: 2, group: 'host=b' }],
    ]);
    await socket.served[0]!.agent.closed;
    expect(socket.served[0]!.agent.failure).toBeUndefined();
  });

  test('is called when the host drains, with all that had come', async () => {
    const { agent, kapacitor } = kapacitorInMemory(summing);
    await kapacitor.init();
    kapacitor.point({ time: 1n, name: 'cpu', fields: { v: 1 } });
    await kapacitor.keepalive();
    await agent.drain();
    await kapacitor.closed;
    expect(kapacitor.points.map(({ fields }) => fields)).toEqual([{ sum: 1, group: '' }]);
  });

  test('goes on from a snapshot', async () => {
    const run = await runUdf(summing, { groupBy: ['host'] });
    await run.send(input);
    const snapshot = await run.snapshot();
    const again = await runUdf(summing, { groupBy: ['host'], snapshot });
    await again.send('cpu,host=b v=5 4');
    const { points } = await again.stop();
    expect(points.map((point) => point.field('sum'))).toEqual([4, 7]);
    await run.stop();
  });

  test('may be async: the next group waits, and the connection stays open for the last of them', async () => {
    const order: string[] = [];
    const slow = defineUdf({
      name: 'slow',
      wants: 'stream',
      provides: 'stream',
      state: () => ({ seen: 0 }),
      point: () => undefined,
      async stop({ group, emit, signal }) {
        order.push(`begin ${group}`);
        await turn();
        expect(signal.aborted).toBe(false);
        emit(createPoint({ name: 'end', time: 1n, fields: { group } }));
        order.push(`end ${group}`);
        return [createPoint({ name: 'end', time: 2n, fields: { group } })];
      },
    });
    const run = await runUdf(slow, { groupBy: ['host'] });
    await run.send(input);
    const { points } = await run.stop();
    expect(order).toEqual(['begin host=a', 'end host=a', 'begin host=b', 'end host=b']);
    expect(points.map((point) => point.field('group'))).toEqual(['host=a', 'host=a', 'host=b', 'host=b']);
  });

  test('is called once where there is no state', async () => {
    let calls = 0;
    const run = await runUdf(
      defineUdf({
        name: 'bare',
        wants: 'stream',
        provides: 'stream',
        point: (point) => point,
        stop({ group, state }) {
          calls++;
          expect([group, state]).toEqual(['', undefined]);
        },
      }),
    );
    await run.send('cpu v=1');
    await run.stop();
    expect(calls).toBe(1);
  });

  test('emits batches where the UDF provides them, also when it handles them point by point', async () => {
    const last = createBatch({ name: 'last', time: 5n, points: [{ time: 1n, fields: { v: 1 } }] });
    const run = await runUdf(
      defineUdf({
        name: 'pointwise',
        wants: 'batch',
        provides: 'batch',
        point: (point) => point,
        stop: () => last,
      }),
    );
    await run.send([{ name: 'cpu', time: 9n, points: [{ time: 1n, fields: { v: 1 } }] }]);
    const { batches } = await run.stop();
    expect(batches.map(({ name }) => name)).toEqual(['cpu', 'last']);
  });

  test('cannot emit the point of a batch to a stream: it has no name there', async () => {
    const run = await runUdf(
      defineUdf({
        name: 'unwound',
        wants: 'batch',
        provides: 'stream',
        state: () => ({ last: undefined as never }),
        point(point, { state }) {
          state.last = point as never; // as JavaScript would
        },
        stop: ({ state }) => state.last,
      }),
    );
    await run.send([{ name: 'cpu', time: 9n, points: [{ time: 1n, fields: { v: 1 } }] }]);
    await expect(run.stop()).rejects.toThrow('stop got a point without a name');
  });

  test('that throws follows the error policy, and the message names the group', async () => {
    const failing = defineUdf({
      name: 'failing',
      wants: 'stream',
      provides: 'stream',
      state: () => ({ seen: 0 }),
      point: () => undefined,
      stop({ group }) {
        if (group === 'host=a') throw new Error('full');
        return createPoint({ name: 'end', time: 1n, fields: { group } });
      },
    });
    const stopping = await runUdf(failing, { groupBy: ['host'] });
    await stopping.send(input);
    await expect(stopping.stop()).rejects.toThrow('failing: task test: full in stop of group "host=a"');
    const dropping = await runUdf(failing, { groupBy: ['host'], onError: 'drop' });
    await dropping.send(input);
    expect((await dropping.stop()).points.map((point) => point.field('group'))).toEqual(['host=b']);
    expect(dropping.stats.errors).toBe(1);
  });

  test('that takes too long ends the connection', async () => {
    const { agent, kapacitor } = kapacitorInMemory(
      defineUdf({
        name: 'stuck',
        wants: 'stream',
        provides: 'stream',
        point: () => undefined,
        stop: () => new Promise<void>(() => undefined),
      }),
      { limits: { handlerMs: 20 } },
    );
    await kapacitor.init();
    await expect(kapacitor.stop()).rejects.toThrow('a handler took longer than 20 ms');
    await agent.closed;
    expect(agent.failure).toMatchObject({ code: 'handler_timeout' });
  });

  test('is not called when the connection is cut off', async () => {
    let calls = 0;
    const { agent, kapacitor } = kapacitorInMemory(
      defineUdf({
        name: 'counted',
        wants: 'stream',
        provides: 'stream',
        point: () => undefined,
        stop: () => {
          calls++;
        },
      }),
    );
    await kapacitor.init();
    agent.destroy();
    await agent.closed;
    expect(calls).toBe(0);
  });

  test('of very many groups lets others have their turn, and waits for a reader that is slow', async () => {
    const groups = 30_000;
    const text = 'x'.repeat(200);
    const many = defineUdf({
      name: 'many',
      wants: 'stream',
      provides: 'stream',
      state: () => ({ seen: 0 }),
      point: () => undefined,
      stop: ({ group }) => createPoint({ name: 'end', time: 1n, fields: { group, text } }),
    });
    let received = 0;
    const { agent, kapacitor } = kapacitorInMemory(
      many,
      { limits: { outputBytes: 1_000_000 } },
      { writes: 'coalesced', onPoint: () => (received += 1) },
    );
    await kapacitor.init();
    for (let group = 0; group < groups; group++) {
      const roomy = kapacitor.point({ time: 1n, name: 'cpu', group: `host=h${group}`, fields: { v: 1 } });
      if (!roomy) await kapacitor.drained();
    }
    let turns = 0;
    const stopped = kapacitor.stop();
    while (received < groups) {
      await turn();
      turns++;
    }
    await stopped;
    expect(received).toBe(groups);
    expect(turns).toBeGreaterThan(5);
    expect(agent.failure).toBeUndefined();
  });
});

test('an emit after the end is lost, and logged once per connection', async () => {
  const emits: (() => void)[] = [];
  const run = await runUdf(
    defineUdf({
      name: 'tardy',
      wants: 'stream',
      provides: 'stream',
      point(point, { emit }) {
        emits.push(() => {
          emit(point);
        });
      },
    }),
  );
  await run.send('cpu v=1');
  await run.stop();
  for (let round = 0; round < 3; round++) for (const emit of emits) emit();
  expect(run.points).toEqual([]);
  expect(run.log.filter(({ message }) => message.includes('emit was called after'))).toMatchObject([
    { level: 'warn', message: 'emit was called after the connection had ended: what it emits is lost' },
  ]);
});
