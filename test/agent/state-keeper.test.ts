import { defineUdf, option } from 'kapacitor-udf';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { encodeRequest } from '../../src/wire/messages.js';
import type { UdfDefinition } from '../../src/udf/definition.js';
import { count, type CountingTask, stop } from '../support/counting-task.js';
import { type AgentSettings, kapacitorInMemory } from '../support/connection.js';
import { MemoryStateStore } from '../support/memory-state-store.js';

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

/** A task that has started. */
async function started(
  store: MemoryStateStore,
  { definition = counter, options = '', ...settings }: Settings = {},
): Promise<CountingTask> {
  const running = kapacitorInMemory(definition, { stateStore: store, ...settings });
  await running.kapacitor.init(options);
  return running;
}

type Settings = AgentSettings & { readonly definition?: UdfDefinition; readonly options?: string };

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

  test('or it is logged why not, and points go on', async () => {
    const store = new MemoryStateStore();
    const task = await started(store, { limits: { snapshotBytes: 1 } });
    await count(task);
    await intervalPasses();
    expect(task.log.some(({ message }) => message.startsWith('the state is not stored: '))).toBe(true);
    expect(await count(task)).toBe(2);
  });
});
