import { defineUdf, option } from 'kapacitor-udf';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { emptySnapshot } from '../../src/agent/state/header.js';
import { encodeRequest } from '../../src/wire/messages.js';
import type { UdfDefinition } from '../../src/udf/definition.js';
import type { KapacitorPeer } from '../../src/peer/kapacitor-peer.js';
import { type AgentSettings, kapacitorInMemory, type TestAgent } from '../support/connection.js';
import { MemoryStateStore } from '../support/memory-state-store.js';
import { until } from '../support/until.js';

const use = { udf: 'counter', task: 'test', node: 'udf2' };

/** Counts the points of each group; fails on a point with the field `bad`. */
const counter = defineUdf({
  name: 'counter',
  wants: 'stream',
  provides: 'stream',
  options: { start: option.int({ default: 0, doc: 'First count.' }) },
  state: ({ start }) => ({ seen: start }),
  point(point, { state, emit }) {
    if (point.field('bad') !== undefined) throw new Error('bad point');
    emit(point.replaceFields({ seen: ++state.seen }));
  },
});

type Running = TestAgent & { readonly kapacitor: KapacitorPeer };

/** A task that has started. */
async function started(
  store: MemoryStateStore,
  { definition = counter, options = '', ...settings }: Settings = {},
): Promise<Running> {
  const running = kapacitorInMemory(definition, { stateStore: store, ...settings });
  await running.kapacitor.init(options);
  return running;
}

type Settings = AgentSettings & { readonly definition?: UdfDefinition; readonly options?: string };

/** Sends a point and returns what was counted. */
async function count({ kapacitor }: Running): Promise<unknown> {
  const before = kapacitor.points.length;
  kapacitor.point({ time: 1n, name: 'cpu', fields: { v: 1 } });
  await kapacitor.received({ points: before + 1 });
  return kapacitor.points[before]!.field('seen');
}

async function stop({ kapacitor, agent }: Running): Promise<void> {
  await kapacitor.stop();
  await agent.closed;
}

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
    const { kapacitor } = kapacitorInMemory(counter);
    await kapacitor.init();
    await kapacitor.restore(store.saved.values().next().value!);
    const second = { kapacitor } as Running;
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
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Lets 10 s pass, and what they cause happen. */
  const intervalPasses = async (): Promise<void> => {
    vi.advanceTimersByTime(10_000);
    for (let turns = 0; turns < 10; turns++) await turn();
  };

  test('at an interval, but only if input has come since', async () => {
    const store = new MemoryStateStore();
    const task = await started(store);
    await count(task);
    await intervalPasses();
    expect(store.saves).toBe(1);
    await intervalPasses();
    expect(store.saves).toBe(1);
    await count(task);
    await intervalPasses();
    expect(store.saves).toBe(2);
    task.kapacitor.abort();
    expect(await count(await started(store))).toBe(3);
  });

  test('while points go on, and not again before it is written', async () => {
    const store = new MemoryStateStore();
    const task = await started(store);
    let open!: () => void;
    store.gate = new Promise((resolve) => {
      open = resolve;
    });
    await count(task);
    await intervalPasses();
    expect(store.saves).toBe(1);
    for (let points = 0; points < 10; points++) await count(task);
    await intervalPasses();
    expect(store.saves).toBe(1);
    open();
    await turn();
    await intervalPasses();
    expect(store.saves).toBe(2);
  });

  test('with the snapshot that Kapacitor asks for', async () => {
    const store = new MemoryStateStore();
    const task = await started(store);
    await count(task);
    const snapshot = await task.kapacitor.snapshot();
    expect([...store.saved.values()]).toEqual([snapshot]);
  });

  test('between the batches of a stream that handles their points one by one', async () => {
    const store = new MemoryStateStore();
    const definition = defineUdf({
      name: 'counter',
      wants: 'batch',
      provides: 'stream',
      state: () => ({ seen: 0 }),
      point: (point, { state }) => point.replaceFields({ seen: ++state.seen }),
    });
    const task = await started(store, { definition });
    const group = { name: 'cpu', group: '', tags: {} };
    const { kapacitor } = task;
    kapacitor.write(encodeRequest({ kind: 'begin', ...group, size: 2n, byName: false }));
    await count(task);
    await intervalPasses();
    expect(store.saves).toBe(0);
    await count(task);
    kapacitor.write(encodeRequest({ kind: 'end', ...group, tmax: 1n, byName: false }));
    await intervalPasses();
    expect(store.saves).toBe(1);
    await stop(task);
    const again = await started(store, { definition });
    again.kapacitor.batch({ name: 'cpu', time: 2n, points: [{ time: 2n, fields: { v: 1 } }] });
    const { points } = await again.kapacitor.stop();
    expect(points.map((point) => point.field('seen'))).toEqual([3]);
  });

  test('not while an async handler runs', async () => {
    const store = new MemoryStateStore();
    let finish!: () => void;
    const definition = defineUdf({
      name: 'counter',
      wants: 'stream',
      provides: 'stream',
      state: () => ({ seen: 0 }),
      async point(point, { state, emit }) {
        state.seen = NaN;
        await new Promise<void>((resolve) => {
          finish = resolve;
        });
        state.seen = 1;
        emit(point.replaceFields({ seen: 1 }));
      },
    });
    const task = await started(store, { definition });
    task.kapacitor.point({ time: 1n, name: 'cpu', fields: { v: 1 } });
    await intervalPasses();
    expect(store.saves).toBe(0);
    finish();
    await intervalPasses();
    expect(store.saves).toBe(1);
    expect(await count(await started(store))).toBe(2);
  });

  test('before stop, which may emit and clear what is unfinished', async () => {
    const store = new MemoryStateStore();
    const definition = defineUdf({
      name: 'counter',
      wants: 'stream',
      provides: 'stream',
      state: () => ({ seen: 0 }),
      point: (point, { state }) => point.replaceFields({ seen: ++state.seen }),
      stop({ state }) {
        state.seen = 0;
      },
    });
    const first = await started(store, { definition });
    await count(first);
    await stop(first);
    expect(await count(await started(store, { definition }))).toBe(2);
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
    const definition = defineUdf({
      name: 'counter',
      wants: 'stream',
      provides: 'stream',
      point: (point) => point.replaceFields({ seen: 1 }),
    });
    const task = await started(store, { definition });
    await count(task);
    await task.kapacitor.snapshot();
    await stop(task);
    expect(store.saves).toBe(0);
  });

  test('or it is logged why not, and points go on', async () => {
    const store = new MemoryStateStore();
    const task = await started(store, { limits: { snapshotBytes: 1 } });
    await count(task);
    await intervalPasses();
    expect(task.log.some(({ message }) => message.startsWith('the state is not stored: '))).toBe(true);
    expect(await count(task)).toBe(2);
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
