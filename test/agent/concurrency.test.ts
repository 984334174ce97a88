import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type Batch, defineUdf, type FieldValue, type Point, UdfError } from 'kapacitor-udf';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import type { DeadLetter } from '../../src/model/dead-letters.js';
import type { KapacitorPeer } from '../../src/peer/interface.js';
import { kapacitorInMemory } from '../support/connection.js';

/** Calls of a handler that end when the test says so. */
class Gates {
  readonly #waiting = new Map<string, () => void>();
  /** The calls that are under way, in the order in which they began. */
  get open(): string[] {
    return [...this.#waiting.keys()];
  }

  pass(key: string): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.set(key, resolve);
    });
  }

  end(...keys: readonly string[]): void {
    for (const key of keys) {
      const resolve = this.#waiting.get(key);
      if (!resolve) throw new Error(`${key} is not under way, but ${this.open.join(', ')}`);
      this.#waiting.delete(key);
      resolve();
    }
  }
}

interface Settings {
  readonly concurrency?: number;
  readonly ordered?: 'group' | 'all';
  readonly callTimeoutMs?: number;
  readonly onError?: 'stop' | 'drop' | 'pass';
}

/** Emits each point, with its number in its group, when its gate opens. */
function gated(gates: Gates, settings: Settings = { concurrency: 4 }) {
  return defineUdf({
    name: 'gated',
    wants: 'stream',
    provides: 'stream',
    ...settings,
    state: () => ({ count: 0 }),
    async point(point, { state }) {
      await gates.pass(keyOf(point));
      if (point.fields.fail === true) throw new Error('no answer');
      return point.withFields({ count: ++state.count });
    },
  });
}

function keyOf(point: Point): string {
  return `${point.tags.host}${point.time}`;
}

function send(kapacitor: KapacitorPeer, ...keys: readonly string[]): void {
  for (const key of keys) sendPoint(kapacitor, key);
}

function sendPoint(
  kapacitor: KapacitorPeer,
  key: string,
  fields: Readonly<Record<string, FieldValue>> = { v: 1 },
): void {
  const tags = { host: key[0]! };
  kapacitor.point({ time: BigInt(key.slice(1)), name: 'cpu', tags, dimensions: ['host'], fields });
}

/** What has come back, as `a1` for the group a at time 1. */
function received({ points }: Pick<KapacitorPeer, 'points'>): string[] {
  return points.map((point) => keyOf(point));
}

/** Waits until exactly these calls are under way. */
async function under(gates: Gates, ...keys: readonly string[]): Promise<void> {
  await vi.waitFor(() => {
    expect(gates.open).toEqual(keys);
  });
}

async function turns(): Promise<void> {
  for (let count = 0; count < 20; count++) await turn();
}

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

describe("output that is ordered across 'all' groups", () => {
  test('comes in the order of the input', async () => {
    const gates = new Gates();
    const { kapacitor } = kapacitorInMemory(gated(gates, { concurrency: 4, ordered: 'all' }));
    await kapacitor.init();
    send(kapacitor, 'a1', 'b1', 'c1', 'a2');
    await under(gates, 'a1', 'b1', 'c1');
    gates.end('c1', 'b1');
    await turns();
    expect(received(kapacitor)).toEqual([]);
    gates.end('a1');
    await kapacitor.received({ points: 3 });
    expect(received(kapacitor)).toEqual(['a1', 'b1', 'c1']);
    await under(gates, 'a2');
    gates.end('a2');
    expect(received(await kapacitor.stop())).toEqual(['a1', 'b1', 'c1', 'a2']);
  });

  test('of the oldest call is sent as it is emitted', async () => {
    const gates = new Gates();
    const early = defineUdf({
      name: 'early',
      wants: 'stream',
      provides: 'stream',
      concurrency: 4,
      ordered: 'all',
      async point(point, { emit }) {
        emit(point);
        await gates.pass(keyOf(point));
        emit(point);
      },
    });
    const { kapacitor } = kapacitorInMemory(early);
    await kapacitor.init();
    send(kapacitor, 'a1', 'b1');
    await kapacitor.received({ points: 1 });
    await turns();
    expect(received(kapacitor)).toEqual(['a1']);
    gates.end('a1');
    await kapacitor.received({ points: 3 });
    expect(received(kapacitor)).toEqual(['a1', 'a1', 'b1']);
    gates.end('b1');
    await kapacitor.stop();
  });

  test('is held back in bounded memory: then no further call begins', async () => {
    const gates = new Gates();
    let calls = 0;
    const large = defineUdf({
      name: 'large',
      wants: 'stream',
      provides: 'stream',
      concurrency: 50,
      ordered: 'all',
      async point(point) {
        calls++;
        if (point.tags.host === 'a') await gates.pass(keyOf(point));
        return point.withFields({ text: 'x'.repeat(100_000) });
      },
    });
    const { kapacitor, agent } = kapacitorInMemory(large, { limits: { outputBytes: 16e6 } });
    await kapacitor.init();
    send(kapacitor, 'a1');
    for (let time = 1; time <= 500; time++) send(kapacitor, `b${time}`, `c${time}`);
    await under(gates, 'a1');
    await turns();
    expect(calls).toBeLessThan(60);
    expect(agent.stats.pointsOut).toBe(0);
    gates.end('a1');
    expect((await kapacitor.stop()).points).toHaveLength(1001);
  });

  test('of calls that wait for those ahead of them does not keep these from beginning', async () => {
    const gates = new Gates();
    const arrays = defineUdf({
      name: 'arrays',
      wants: 'stream',
      provides: 'stream',
      concurrency: 2,
      ordered: 'all',
      async point(point) {
        if (point.tags.host === 'a') await gates.pass(keyOf(point));
        return Array.from({ length: 20 }, () => point.withFields({ text: 'x'.repeat(100_000) }));
      },
    });
    const { kapacitor } = kapacitorInMemory(arrays);
    await kapacitor.init();
    send(kapacitor, 'a1', 'b1', 'a2', 'c1', 'd1');
    await under(gates, 'a1');
    await turns();
    gates.end('a1');
    await under(gates, 'a2');
    await turns();
    gates.end('a2');
    const keys = received(await kapacitor.stop());
    expect(keys).toEqual(['a1', 'b1', 'a2', 'c1', 'd1'].flatMap((key) => Array<string>(20).fill(key)));
  });

  test('is the same as without concurrency, whatever ends first', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ group: fc.constantFrom('a', 'b', 'c'), turns: fc.nat(4), copies: fc.nat(2) }), {
          maxLength: 40,
        }),
        async (inputs) => {
          const outputs = [];
          for (const concurrency of [1, 3]) {
            const { kapacitor } = kapacitorInMemory(
              defineUdf({
                name: 'copies',
                wants: 'stream',
                provides: 'stream',
                concurrency,
                ...(concurrency > 1 && { ordered: 'all' as const }),
                state: () => ({ count: 0 }),
                async point(point, { state, emit }) {
                  const { turns: wait, copies } = inputs[Number(point.time)]!;
                  for (let count = 0; count < wait; count++) await turn();
                  state.count++;
                  for (let copy = 0; copy < copies; copy++)
                    emit(point.withFields({ count: state.count, copy }));
                },
              }),
            );
            await kapacitor.init();
            for (const [index, { group }] of inputs.entries()) send(kapacitor, `${group}${index}`);
            const { points } = await kapacitor.stop();
            outputs.push(points.map(({ time, fields }) => [time, fields.count, fields.copy]));
          }
          expect(outputs[1]).toEqual(outputs[0]);
        },
      ),
      { numRuns: 30 },
    );
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

describe('callTimeoutMs', () => {
  /** Waits for its signal where a point has the field `wait`. */
  const waiting = (settings: Settings, seen: unknown[] = []) =>
    defineUdf({
      name: 'waiting',
      wants: 'stream',
      provides: 'stream',
      callTimeoutMs: 30,
      ...settings,
      state: () => ({ count: 0 }),
      async point(point, context) {
        const { signal, emit } = context;
        context.state.count++;
        if (point.fields.wait === true) {
          await new Promise((resolve) => {
            signal.addEventListener('abort', resolve);
          });
          seen.push(signal.reason);
          emit(point.withFields({ late: true }));
          context.state = { count: 1000 };
        }
        return point.withFields({ count: context.state.count });
      },
    });

  test('aborts the signal of a call that takes longer; its output and new state are lost', async () => {
    const seen: unknown[] = [];
    const { kapacitor, agent, log } = kapacitorInMemory(waiting({ onError: 'drop' }, seen));
    await kapacitor.init();
    sendPoint(kapacitor, 'a1', { wait: true });
    send(kapacitor, 'a2');
    const { points } = await kapacitor.stop();
    expect(points.map((point) => [keyOf(point), point.fields.count])).toEqual([['a2', 2]]);
    expect(seen).toMatchObject([{ code: 'handler_timeout' }]);
    expect(seen[0]).toBeInstanceOf(UdfError);
    expect(agent.stats).toMatchObject({ errors: 1, pointsDropped: 1 });
    const lines = log.filter(({ level }) => level === 'error');
    expect(lines).toMatchObject([
      {
        details: { code: 'handler_timeout' },
        message:
          'waiting: task test: the call took longer than 30 ms (callTimeoutMs) on the point of group "host=a" at 1; dropped',
      },
    ]);
    expect(log.filter(({ message }) => message.startsWith('emit was called after its call'))).toHaveLength(1);
  });

  test('ends the task with handler_timeout, where the policy is to stop', async () => {
    const { kapacitor, agent } = kapacitorInMemory(waiting({ concurrency: 2 }));
    await kapacitor.init();
    sendPoint(kapacitor, 'a1', { wait: true });
    await expect(kapacitor.stop()).rejects.toThrow('the call took longer than 30 ms (callTimeoutMs)');
    expect(agent.failure?.code).toBe('handler_timeout');
  });

  test('counts from the beginning of the call, not from the arrival of the point', async () => {
    const gates = new Gates();
    const { kapacitor } = kapacitorInMemory(gated(gates, { concurrency: 1, callTimeoutMs: 60_000 }));
    await kapacitor.init();
    send(kapacitor, 'a1', 'b1', 'c1');
    for (const key of ['a1', 'b1', 'c1']) {
      await under(gates, key);
      gates.end(key);
    }
    expect(received(await kapacitor.stop())).toEqual(['a1', 'b1', 'c1']);
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

test('a call that has ended frees its input, though it waits in order behind one that has not', async () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void; // the flag makes it a global of new contexts
  const inputs: WeakRef<object>[] = [];
  let end!: () => void;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const udf = defineUdf({
    name: 'ordered',
    wants: 'stream',
    provides: 'stream',
    concurrency: 2,
    ordered: 'all',
    async point(point) {
      if (point.group === 'host=slow') return ended;
      inputs.push(new WeakRef(point));
    },
  });
  const { kapacitor } = kapacitorInMemory(udf);
  await kapacitor.init();
  for (const host of ['slow', 'a', 'b', 'c']) {
    kapacitor.point({ time: 1n, name: 'm', tags: { host }, dimensions: ['host'], fields: { v: 1 } });
  }
  await vi.waitUntil(() => inputs.length === 3);
  await vi.waitUntil(() => {
    collectGarbage();
    // The lane that ran last may still refer to its point.
    return inputs.filter((input) => input.deref() !== undefined).length <= 1;
  });
  end();
  await kapacitor.stop();
});
