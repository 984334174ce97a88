import { setImmediate as turn } from 'node:timers/promises';
import { type Batch, defineUdf, type Point } from 'kapacitor-udf';
import { describe, expect, test, vi } from 'vitest';
import type { DeadLetter } from '../../src/model/dead-letters.js';
import type { KapacitorPeer } from '../../src/peer/interface.js';
import { kapacitorInMemory } from '../support/connection.js';
import { gated, Gates, keyOf, received, send, sendPoint, turns, under } from './support/gated-calls.js';

describe('with concurrency,', () => {
  test('calls of different groups overlap, those of one group never', async () => {
    const gates = new Gates();
    const { kapacitor } = kapacitorInMemory(gated(gates));
    await kapacitor.init();
    send(kapacitor, 'a1', 'a2', 'b1', 'c1', 'a3');
    await under(gates, 'a1', 'b1', 'c1');
    gates.end('b1', 'a1');
    await under(gates, 'c1', 'a2');
    gates.end('a2');
    await under(gates, 'c1', 'a3');
    gates.end('a3', 'c1');
    const { points } = await kapacitor.stop();
    expect(points.map((point) => [keyOf(point), point.fields.count])).toEqual([
      ['b1', 1],
      ['a1', 1],
      ['a2', 2],
      ['a3', 3],
      ['c1', 1],
    ]);
  });

  test('no more calls overlap than it says', async () => {
    const gates = new Gates();
    const { kapacitor } = kapacitorInMemory(gated(gates, { concurrency: 2 }));
    await kapacitor.init();
    send(kapacitor, 'a1', 'b1', 'c1', 'd1');
    await under(gates, 'a1', 'b1');
    gates.end('b1');
    await under(gates, 'a1', 'c1');
    gates.end('a1', 'c1');
    await under(gates, 'd1');
    gates.end('d1');
    expect((await kapacitor.stop()).points).toHaveLength(4);
  });

  test('200 groups at 20 ms each take little longer than one, with room for all', async () => {
    const slow = defineUdf({
      name: 'slow',
      wants: 'stream',
      provides: 'stream',
      concurrency: 200,
      point: (point) => new Promise<Point>((resolve) => setTimeout(resolve, 20, point)),
    });
    const { kapacitor } = kapacitorInMemory(slow);
    await kapacitor.init();
    const start = performance.now();
    for (let group = 0; group < 200; group++) {
      const tags = { host: `${group}` };
      kapacitor.point({ time: 1n, name: 'cpu', tags, dimensions: ['host'], fields: { v: 1 } });
    }
    await kapacitor.received({ points: 200 });
    expect(performance.now() - start).toBeLessThan(2000); // 4 s one after the other
    await kapacitor.stop();
  });

  test('a handler that returns at once is called at once', async () => {
    const mirror = defineUdf({
      name: 'atOnce',
      wants: 'stream',
      provides: 'stream',
      concurrency: 2,
      point: (point) => point,
    });
    const { kapacitor } = kapacitorInMemory(mirror);
    await kapacitor.init();
    send(kapacitor, 'a1', 'b1', 'a2', 'c1');
    expect(received(await kapacitor.stop())).toEqual(['a1', 'b1', 'a2', 'c1']);
  });

  test('each call has a context of its own', async () => {
    const gates = new Gates();
    const replacing = defineUdf({
      name: 'replacing',
      wants: 'stream',
      provides: 'stream',
      concurrency: 4,
      state: () => ({ last: '' }),
      async point(point, context) {
        await gates.pass(keyOf(point));
        const before = context.state.last;
        context.state = { last: keyOf(point) };
        await Promise.resolve();
        context.emit(point.withFields({ before, now: context.state.last }));
      },
    });
    const { kapacitor } = kapacitorInMemory(replacing);
    await kapacitor.init();
    send(kapacitor, 'a1', 'b1', 'a2', 'b2');
    await under(gates, 'a1', 'b1');
    gates.end('a1', 'b1');
    await under(gates, 'a2', 'b2');
    gates.end('b2', 'a2');
    const { points } = await kapacitor.stop();
    expect(points.map(({ fields: { before, now } }) => [before, now])).toEqual([
      ['', 'a1'],
      ['', 'b1'],
      ['b1', 'b2'],
      ['a1', 'a2'],
    ]);
  });

  test('a busy group does not keep the others from being read, up to a bound', async () => {
    const gates = new Gates();
    const { kapacitor, agent } = kapacitorInMemory(gated(gates, { concurrency: 2 }), {
      limits: { inputBytes: 1000 },
    });
    await kapacitor.init();
    for (let time = 1; time <= 20; time++) send(kapacitor, `a${time}`);
    send(kapacitor, 'b1');
    await under(gates, 'a1', 'b1');
    for (let time = 21; time <= 500; time++) send(kapacitor, `a${time}`);
    send(kapacitor, 'c1');
    await turns();
    expect(agent.stats.pointsIn).toBe(32); // 16 for each call that may overlap
    const keepalives = kapacitor.keepalives;
    await kapacitor.keepalive();
    expect(kapacitor.keepalives).toBeGreaterThan(keepalives);
    const all = kapacitor.received({ points: 502 });
    const opening = setInterval(() => {
      gates.end(...gates.open);
    });
    await all.finally(() => {
      clearInterval(opening);
    });
    await kapacitor.stop();
  });
});

describe('batches of different groups', () => {
  /** Sends each batch back, as points or as a batch, when its gate opens. */
  const sendBatches = (kapacitor: KapacitorPeer, ...keys: readonly string[]): void => {
    for (const key of keys) {
      const time = BigInt(key.slice(1));
      kapacitor.batch({ name: 'cpu', tags: { host: key[0]! }, time, points: [{ time, fields: { v: 1 } }] });
    }
  };
  const batchKey = (batch: Batch): string => `${batch.tags.host}${batch.time}`;

  test('overlap', async () => {
    const gates = new Gates();
    const { kapacitor } = kapacitorInMemory(
      defineUdf({
        name: 'batches',
        wants: 'batch',
        provides: 'batch',
        concurrency: 2,
        async batch(batch) {
          await gates.pass(batchKey(batch));
          return batch;
        },
      }),
    );
    await kapacitor.init();
    sendBatches(kapacitor, 'a1', 'a2', 'b1');
    await under(gates, 'a1', 'b1');
    gates.end('b1', 'a1');
    await under(gates, 'a2');
    gates.end('a2');
    expect((await kapacitor.stop()).batches.map(batchKey)).toEqual(['b1', 'a1', 'a2']);
  });

  test('give their points the name and group of their own batch', async () => {
    const gates = new Gates();
    const { kapacitor } = kapacitorInMemory(
      defineUdf({
        name: 'batches',
        wants: 'batch',
        provides: 'stream',
        concurrency: 2,
        async batch(batch, { emit }) {
          await gates.pass(batchKey(batch));
          for (const point of batch.points) emit(point);
        },
      }),
    );
    await kapacitor.init();
    sendBatches(kapacitor, 'a1', 'b2');
    await under(gates, 'a1', 'b2');
    gates.end('a1', 'b2');
    const { points } = await kapacitor.stop();
    expect(points.map(({ group, time }) => [group, time])).toEqual([
      ['host=a', 1n],
      ['host=b', 2n],
    ]);
  });
});

describe('a snapshot', () => {
  test('waits for the calls of the input before it, and contains what they did', async () => {
    const gates = new Gates();
    const definition = gated(gates);
    const { kapacitor } = kapacitorInMemory(definition);
    await kapacitor.init();
    send(kapacitor, 'a1', 'a2', 'b1');
    await under(gates, 'a1', 'b1');
    let isDone = false;
    const snapshot = kapacitor.snapshot().finally(() => {
      isDone = true;
    });
    send(kapacitor, 'b2', 'c1');
    gates.end('b1', 'a1');
    await under(gates, 'a2'); // and neither b2 nor c1
    await turns();
    expect(isDone).toBe(false);
    gates.end('a2');
    const bytes = await snapshot;
    await under(gates, 'b2', 'c1');
    gates.end('b2', 'c1');
    await kapacitor.stop();

    const again = kapacitorInMemory(definition).kapacitor;
    await again.init();
    await again.restore(bytes);
    send(again, 'a3', 'b3', 'c3');
    await under(gates, 'a3', 'b3', 'c3');
    gates.end('a3', 'b3', 'c3');
    expect((await again.stop()).points.map(({ fields }) => fields.count)).toEqual([3, 2, 1]);
  });
});

describe('at the end of the input', () => {
  test('all calls end before stop is called', async () => {
    const gates = new Gates();
    const definition = defineUdf({
      name: 'stopping',
      wants: 'stream',
      provides: 'stream',
      concurrency: 2,
      state: () => ({ last: undefined as Point | undefined }),
      async point(point, { state }) {
        await gates.pass(keyOf(point));
        state.last = point.detach();
      },
      stop: ({ state }) => state.last,
    });
    const { kapacitor } = kapacitorInMemory(definition);
    await kapacitor.init();
    send(kapacitor, 'a1', 'b1', 'a2', 'c1');
    await under(gates, 'a1', 'b1');
    const stopped = kapacitor.stop();
    gates.end('a1', 'b1');
    await under(gates, 'c1', 'a2');
    gates.end('a2');
    await turns();
    expect(received(kapacitor)).toEqual([]);
    gates.end('c1');
    expect(received(await stopped)).toEqual(['a2', 'b1', 'c1']);
  });
});

describe('a handler that fails', () => {
  test('loses its own point only, where the policy is to drop', async () => {
    const gates = new Gates();
    const letters: DeadLetter[] = [];
    const deadLetters = { add: (_use: unknown, letter: DeadLetter) => letters.push(letter) };
    const { kapacitor, agent } = kapacitorInMemory(gated(gates, { concurrency: 4, onError: 'drop' }), {
      deadLetters,
    });
    await kapacitor.init();
    sendPoint(kapacitor, 'a1', { fail: true });
    send(kapacitor, 'b1', 'a2');
    await under(gates, 'a1', 'b1');
    gates.end('a1', 'b1');
    await under(gates, 'a2');
    gates.end('a2');
    expect(received(await kapacitor.stop())).toEqual(['b1', 'a2']);
    expect(agent.stats).toMatchObject({ errors: 1, pointsDropped: 1 });
    expect(letters).toMatchObject([{ points: 1, reason: 'no answer' }]);
  });

  test('passes its point on in its place, where the policy is to pass', async () => {
    const gates = new Gates();
    const { kapacitor } = kapacitorInMemory(
      gated(gates, { concurrency: 4, ordered: 'all', onError: 'pass' }),
    );
    await kapacitor.init();
    send(kapacitor, 'a1');
    sendPoint(kapacitor, 'b1', { fail: true });
    send(kapacitor, 'c1');
    await under(gates, 'a1', 'b1', 'c1');
    gates.end('b1', 'c1', 'a1');
    const { points } = await kapacitor.stop();
    expect(received({ points })).toEqual(['a1', 'b1', 'c1']);
    expect(points[1]!.fields).toEqual({ fail: true });
  });

  test('ends the task, where the policy is to stop', async () => {
    const gates = new Gates();
    const { kapacitor, agent } = kapacitorInMemory(gated(gates));
    await kapacitor.init();
    sendPoint(kapacitor, 'a1', { fail: true });
    send(kapacitor, 'b1', 'c1');
    await under(gates, 'a1', 'b1', 'c1');
    gates.end('a1');
    await expect(kapacitor.stop()).rejects.toThrow(
      'gated: task test: no answer on the point of group "host=a" at 1',
    );
    expect(agent.failure?.code).toBe('handler');
  });
});

describe('when the connection ends,', () => {
  test('the signals of all calls abort, and calls that have not begun are dropped', async () => {
    const aborted: string[] = [];
    const { kapacitor, agent } = kapacitorInMemory(
      defineUdf({
        name: 'aborted',
        wants: 'stream',
        provides: 'stream',
        concurrency: 2,
        async point(point, { signal }) {
          await new Promise((resolve) => {
            signal.addEventListener('abort', resolve);
          });
          aborted.push(keyOf(point));
        },
      }),
    );
    await kapacitor.init();
    send(kapacitor, 'a1', 'b1', 'c1', 'a2');
    await vi.waitFor(() => {
      expect(agent.stats.pointsIn).toBe(4);
    });
    kapacitor.abort();
    await agent.closed;
    await turns();
    expect(aborted).toEqual(['a1', 'b1']);
  });

  test('the state is stored once the last call has ended', async () => {
    const gates = new Gates();
    const saved: number[] = [];
    const stateStore = {
      load: () => Promise.resolve(undefined),
      save: (_use: unknown, pieces: readonly Buffer[]) => {
        saved.push(pieces.length);
        return Promise.resolve();
      },
      onReplace: () => () => undefined,
    };
    const { kapacitor, agent } = kapacitorInMemory(gated(gates), { stateStore });
    await kapacitor.init();
    send(kapacitor, 'a1', 'b1');
    await under(gates, 'a1', 'b1');
    kapacitor.abort();
    await turns();
    gates.end('a1');
    await turns();
    expect(saved).toEqual([]);
    gates.end('b1');
    await agent.closed;
    await vi.waitFor(() => {
      expect(saved).toHaveLength(1);
    });
  });
});

test('while Kapacitor does not read, no further call begins, and nothing is lost', async () => {
  const echo = defineUdf({
    name: 'echo',
    wants: 'stream',
    provides: 'stream',
    concurrency: 8,
    async point(point) {
      await turn();
      return Array.from({ length: 20 }, () => point.withFields({ text: 'x'.repeat(10_000) }));
    },
  });
  const { kapacitor, agent } = kapacitorInMemory(echo);
  await kapacitor.init();
  kapacitor.pauseReading();
  for (let time = 0; time < 400; time++) send(kapacitor, `${'abcdefgh'[time % 8]!}${time}`);
  let last = -1;
  while (last !== agent.stats.pointsOut) {
    last = agent.stats.pointsOut;
    await turns();
  }
  expect(agent.stats.bytesOut).toBeLessThan(8e6);
  kapacitor.resumeReading();
  expect((await kapacitor.stop()).points).toHaveLength(8000);
});
