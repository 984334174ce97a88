import { beforeAll, describe, expect, test } from 'vitest';
import { emptySnapshot } from '../../../src/agent/state/header.js';
import type { ServedUdf } from '../../../src/host/served-udf.js';
import type { UdfDefinition } from '../../../src/udf/definition.js';
import { encodeRequest } from '../../../src/wire/messages.js';
import { count, type CountingTask, stop } from '../../support/counting-task.js';
import { type AgentSettings, kapacitorInMemory } from '../../support/connection.js';
import { isolatedInMemory, isolatedUdfs } from '../../support/isolated.js';
import { MemoryStateStore } from '../../support/memory-state-store.js';
import { until } from '../../support/until.js';

const module = new URL('../../agent/modules/state-udfs.mjs', import.meta.url);

type Udf = 'counter' | 'clearing' | 'stateless' | 'streamed' | 'hanging';
type Settings = Omit<AgentSettings, 'progress'>;

let here: Readonly<Record<Udf, UdfDefinition>>;
let isolated: ReadonlyMap<string, ServedUdf>;

beforeAll(async () => {
  here = (await import(module.href)) as typeof here; // its exports are named as its UDFs
  isolated = await isolatedUdfs(module);
});

const use = { udf: 'counter', task: 'test', node: 'udf2' };

/** A task that has started, in a worker. */
async function startedInWorker(
  store: MemoryStateStore | undefined,
  { udf = 'counter', options = '', ...settings }: Settings & { udf?: Udf; options?: string } = {},
): Promise<CountingTask> {
  const running = isolatedInMemory(isolated.get(udf)!, { stateStore: store, ...settings });
  await running.kapacitor.init(options);
  return running;
}

/** A task that has started, in this thread. */
async function startedHere(
  store: MemoryStateStore | undefined,
  { udf = 'counter', options = '', ...settings }: Settings & { udf?: Udf; options?: string } = {},
): Promise<CountingTask> {
  const running = kapacitorInMemory(here[udf], { stateStore: store, ...settings });
  await running.kapacitor.init(options);
  return running;
}

describe.each([
  ['in this thread', startedHere],
  ['in a worker', startedInWorker],
])('%s', (_where, started) => {
  describe('a task that is enabled again', () => {
    test('continues with the stored state, without a snapshot of Kapacitor', async () => {
      const store = new MemoryStateStore();
      const first = await started(store);
      expect(await count(first)).toBe(1);
      expect(await count(first)).toBe(2);
      await stop(first);
      const second = await started(store);
      expect(await count(second)).toBe(3);
      await stop(second);
      expect(await count(await started(store))).toBe(4);
    });

    test('starts afresh with other options that its state depends on, and says so', async () => {
      const store = new MemoryStateStore();
      const first = await started(store);
      await count(first);
      await stop(first);
      const second = await started(store, { options: '.start(10)' });
      expect(await count(second)).toBe(11);
      expect(second.log).toContainEqual(
        expect.objectContaining({
          level: 'warn',
          message: expect.stringContaining('.start() was 0, is 10') as string,
        }),
      );
    });

    test('answers keepalives while its state is loaded, and handles no point before', async () => {
      const store = new MemoryStateStore();
      const first = await started(store);
      await count(first);
      await stop(first);
      let open!: () => void;
      store.gate = new Promise((resolve) => {
        open = resolve;
      });
      const second = await started(store);
      second.kapacitor.point({ time: 1n, name: 'cpu', fields: { v: 1 } });
      await second.kapacitor.keepalive();
      expect(second.kapacitor.points).toHaveLength(0);
      open();
      await second.kapacitor.received({ points: 1 });
      expect(second.kapacitor.points[0]!.field('seen')).toBe(2);
    });

    test('starts afresh with a stored state that cannot be read, and says so', async () => {
      const store = new MemoryStateStore();
      await store.save(use, [Buffer.from('KUDF\xff', 'latin1')]);
      const task = await started(store);
      expect(await count(task)).toBe(1);
      expect(task.log).toContainEqual(
        expect.objectContaining({
          level: 'error',
          message: expect.stringMatching(
            /^counter: cannot use the stored state: .*; starting with fresh state$/,
          ) as string,
        }),
      );
    });

    test('starts afresh with a stored state above the limit', async () => {
      const store = new MemoryStateStore();
      await store.save(use, [Buffer.alloc(2000)]);
      const task = await started(store, { limits: { snapshotBytes: 1000 } });
      expect(await count(task)).toBe(1);
      expect(task.log).toContainEqual(
        expect.objectContaining({
          level: 'error',
          details: expect.objectContaining({ code: 'limit' }) as unknown,
        }),
      );
    });
  });

  describe("of Kapacitor's snapshot and the stored state", () => {
    test('the stored one wins if it is newer', async () => {
      const store = new MemoryStateStore();
      const first = await started(store);
      await count(first);
      const snapshot = await first.kapacitor.snapshot();
      await count(first);
      await stop(first);
      const second = await started(store);
      await second.kapacitor.restore(snapshot);
      expect(await count(second)).toBe(3);
    });

    test('that of Kapacitor wins if it is newer, even of a run without a store', async () => {
      const store = new MemoryStateStore();
      const first = await started(store);
      await count(first);
      await stop(first);
      const second = await started(undefined);
      const { kapacitor } = second;
      await kapacitor.restore(store.saved.values().next().value!);
      await count(second);
      expect(await count(second)).toBe(3);
      const snapshot = await kapacitor.snapshot();
      const third = await started(store);
      await third.kapacitor.restore(snapshot);
      expect(await count(third)).toBe(4);
    });

    test('that of Kapacitor is used if the stored one cannot be', async () => {
      const store = new MemoryStateStore();
      const first = await started(store);
      await count(first);
      const snapshot = await first.kapacitor.snapshot();
      await stop(first);
      await store.save(use, [Buffer.from('foreign')]);
      const second = await started(store);
      await second.kapacitor.restore(snapshot);
      expect(await count(second)).toBe(2);
    });

    test('the stored one stays if that of Kapacitor cannot be read', async () => {
      const store = new MemoryStateStore();
      const first = await started(store);
      await count(first);
      await stop(first);
      const second = await started(store);
      await second.kapacitor.restore(Buffer.from('foreign'));
      expect(await count(second)).toBe(2);
    });

    test('the stored one is used again if the groups of the newer one are damaged', async () => {
      const store = new MemoryStateStore();
      const first = await started(store);
      await count(first);
      await stop(first);
      const second = await started(store);
      await count(second);
      const kept = new Map(store.saved);
      const snapshot = Buffer.from(await second.kapacitor.snapshot());
      await stop(second);
      for (const [key, bytes] of kept) store.saved.set(key, bytes);
      snapshot[snapshot.length - 3]! ^= 1;
      const third = await started(store);
      await third.kapacitor.restore(snapshot);
      expect(await count(third)).toBe(2);
    });

    test('a damaged one of Kapacitor is refused in strict mode, and the stored one kept', async () => {
      const store = new MemoryStateStore();
      const first = await started(store);
      await count(first);
      await stop(first);
      const kept = new Map(store.saved);
      const second = await started(store, { strictRestore: true });
      await expect(second.kapacitor.restore(Buffer.from('foreign'))).rejects.toThrow('cannot restore');
      await second.agent.closed;
      expect(store.saved).toEqual(kept);
      expect(await count(await started(store))).toBe(2);
    });
  });

  describe('state is stored', () => {
    test('with the snapshot that Kapacitor asks for', async () => {
      const store = new MemoryStateStore();
      const task = await started(store);
      await count(task);
      const snapshot = await task.kapacitor.snapshot();
      expect([...store.saved.values()]).toEqual([snapshot]);
    });

    test('before stop, which may emit and clear what is unfinished', async () => {
      const store = new MemoryStateStore();
      const first = await started(store, { udf: 'clearing' });
      await count(first);
      await stop(first);
      expect(await count(await started(store, { udf: 'clearing' }))).toBe(2);
    });

    test('when the host drains the connection', async () => {
      const store = new MemoryStateStore();
      const first = await started(store);
      await count(first);
      await first.agent.drain();
      expect(await count(await started(store))).toBe(2);
    });

    test('when the connection is lost, or cut off', async () => {
      const store = new MemoryStateStore();
      const first = await started(store);
      await count(first);
      first.kapacitor.abort();
      await first.agent.closed;
      const second = await started(store);
      expect(await count(second)).toBe(2);
      second.agent.destroy();
      await second.agent.closed;
      expect(await count(await started(store))).toBe(3);
    });

    test('when a point has failed the task', async () => {
      const store = new MemoryStateStore();
      const first = await started(store);
      await count(first);
      first.kapacitor.point({ time: 1n, name: 'cpu', fields: { bad: 1 } });
      await first.kapacitor.closed;
      await first.agent.closed;
      expect(first.agent.failure).toMatchObject({ code: 'handler' });
      expect(await count(await started(store))).toBe(2);
    });

    test('of a UDF with state only', async () => {
      const store = new MemoryStateStore();
      const task = await started(store, { udf: 'stateless' });
      await count(task);
      await task.kapacitor.snapshot();
      await stop(task);
      expect(store.saves).toBe(0);
    });
  });

  describe('a reset of the stored state', () => {
    test('clears the state of a running task at once, and wins over snapshots that Kapacitor has kept', async () => {
      const store = new MemoryStateStore();
      const first = await started(store);
      await count(first);
      const snapshot = await first.kapacitor.snapshot();
      expect(await count(first)).toBe(2);
      store.replace(use, emptySnapshot('counter'));
      await until('the reset is logged', () => first.log.some(({ message }) => message === 'state reset'));
      expect(await count(first)).toBe(1);
      await stop(first);
      const second = await started(store);
      await second.kapacitor.restore(snapshot);
      expect(await count(second)).toBe(2);
    });
  });
});

describe('the state of an isolated UDF', () => {
  test('is stored at an interval, but only if input has come since', async () => {
    const store = new MemoryStateStore();
    const task = await startedInWorker(store, { stateIntervalMs: 20 });
    await count(task);
    await until('it is stored', () => store.saves === 1);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(store.saves).toBe(1);
    await count(task);
    await until('it is stored again', () => store.saves === 2);
  });

  test('is not stored above the limit, which is logged, and points go on', async () => {
    const store = new MemoryStateStore();
    const task = await startedInWorker(store, { stateIntervalMs: 20, limits: { snapshotBytes: 1 } });
    await count(task);
    await until('it is logged', () =>
      task.log.some(({ message }) => message.startsWith('the state is not stored: ')),
    );
    expect(await count(task)).toBe(2);
    expect(store.saves).toBe(0);
    await expect(task.kapacitor.snapshot()).rejects.toThrow('snapshotBytes');
  });

  test('is that of the next worker, if one has ended', async () => {
    const store = new MemoryStateStore();
    const first = await startedInWorker(store, { onError: 'drop' });
    await count(first);
    first.kapacitor.point({ time: 1n, name: 'cpu', fields: { exit: 1 } });
    expect(await count(first)).toBe(2);
    await stop(first);
    expect(await count(await startedInWorker(store))).toBe(3);
  });

  test('is that before a point that has ended its worker twice', async () => {
    const store = new MemoryStateStore();
    const first = await startedInWorker(store);
    await count(first);
    first.kapacitor.point({ time: 1n, name: 'cpu', fields: { exit: 1 } });
    first.kapacitor.point({ time: 1n, name: 'cpu', fields: { v: 1 } });
    await first.agent.closed;
    expect(first.agent.failure).toMatchObject({ code: 'handler' });
    expect(await count(await startedInWorker(store))).toBe(2);
  });

  test('is that before the batch in which the connection is lost', async () => {
    const store = new MemoryStateStore();
    const first = await startedInWorker(store, { udf: 'streamed' });
    const points = [1n, 2n].map((time) => ({ time, fields: { v: 1 } }));
    first.kapacitor.batch({ name: 'cpu', time: 2n, points });
    await first.kapacitor.received({ points: 2 });
    const group = { name: 'cpu', group: '', tags: {} };
    first.kapacitor.write(encodeRequest({ kind: 'begin', ...group, size: 2n, byName: false }));
    await count(first);
    first.kapacitor.abort();
    await first.agent.closed;
    const second = await startedInWorker(store, { udf: 'streamed' });
    second.kapacitor.batch({ name: 'cpu', time: 3n, points: [{ time: 3n, fields: { v: 1 } }] });
    const { points: emitted } = await second.kapacitor.stop();
    expect(emitted.map((point) => point.field('seen'))).toEqual([3]);
  });

  test('contains all input that had come when the connection was lost', async () => {
    const store = new MemoryStateStore();
    const first = await startedInWorker(store);
    const total = 20_000;
    for (let sent = 0; sent < total; sent++) {
      first.kapacitor.point({ time: 1n, name: 'cpu', fields: { v: 1 } });
    }
    await until('all has come', () => first.agent.stats.pointsIn === total);
    first.kapacitor.abort();
    await first.agent.closed;
    expect(await count(await startedInWorker(store))).toBe(total + 1);
  });

  test('is not waited for without end', async () => {
    const store = new MemoryStateStore();
    const task = await startedInWorker(store, { udf: 'hanging' });
    expect(await count(task)).toBe(1);
    task.kapacitor.point({ time: 1n, name: 'cpu', fields: { hang: 1 } });
    await until('it has come', () => task.agent.stats.pointsIn === 2);
    const start = performance.now();
    task.agent.destroy();
    await task.agent.closed;
    expect(performance.now() - start).toBeLessThan(5_000);
    expect(task.log.filter(({ message }) => message.startsWith('the state is not stored: '))).toHaveLength(1);
  });
});
