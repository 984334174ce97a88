import { defineUdf } from 'kapacitor-udf';
import { describe, expect, test } from 'vitest';
import {
  HandlerRuns,
  handlerRunsBytes,
  HandlerRunsReader,
  type HandlerRun,
  type RefusedRun,
  RunKind,
} from '../../src/agent/handler-runs.js';
import type { KapacitorPeer } from '../../src/peer/interface.js';
import { encodeRequest } from '../../src/wire/messages.js';
import type { UdfDefinition } from '../../src/udf/definition.js';
import { kapacitorInMemory } from '../support/connection.js';
import { pointRequest } from '../support/udf-messages.js';

/** The run that each handler call of the UDFs below has seen, by what it handles. */
const seen: (readonly [what: string, run: HandlerRun | undefined])[] = [];
const activities: number[] = [];
let reader: HandlerRunsReader;
const see = (what: string): void => {
  seen.push([what, reader.current]);
  activities.push(reader.activity);
};

/** Each point sets a timer for 10 ns later, named by its time. */
const timed = defineUdf({
  name: 'timed',
  wants: 'stream',
  provides: 'stream',
  options: {},
  state: () => ({ count: 0 }),
  point(point, { timers }) {
    see(`point ${point.time}`);
    timers.set(`${point.time}`, { at: point.time + 10n });
    return point;
  },
  timer({ name }) {
    see(`timer ${name}`);
  },
  stop() {
    see('stop');
  },
});

const plain = defineUdf({
  name: 'plain',
  wants: 'stream',
  provides: 'stream',
  point(point) {
    see(`point ${point.time}`);
    return point;
  },
});

const overlapping = defineUdf({
  name: 'overlapping',
  wants: 'stream',
  provides: 'stream',
  concurrency: 3,
  async point(point) {
    see(`point ${point.time}`);
    await Promise.resolve();
    return point;
  },
});

const whole = defineUdf({
  name: 'whole',
  wants: 'batch',
  provides: 'batch',
  batch(batch) {
    see(`batch ${batch.time}`);
    return batch;
  },
});

const pointByPoint = defineUdf({
  name: 'pointByPoint',
  wants: 'batch',
  provides: 'batch',
  beginBatch() {
    see('begin');
  },
  point(point) {
    see(`point ${point.time}`);
    return point;
  },
  endBatch() {
    see('end');
  },
});

/** An agent whose runs are seen, some of which are refused, and the number of refusals so far. */
function watched(
  definition: UdfDefinition,
  refused: readonly RefusedRun[] = [],
  settings: { onError?: 'drop' | 'pass' | 'stop' } = { onError: 'drop' },
) {
  const memory = new SharedArrayBuffer(handlerRunsBytes);
  const runs = new HandlerRuns(memory, refused);
  reader = new HandlerRunsReader(memory);
  seen.length = activities.length = 0;
  const handled = (_bytes: number, frames: number): void => {
    if (frames === 0) runs.end();
  };
  const progress = { runs, begunBytes: 0, sequentialBytes: 0, handled };
  const use = kapacitorInMemory(definition, { ...settings, progress });
  let refusals = 0;
  runs.onRefusal = () => {
    refusals++; // the peer would not understand the mark
  };
  return { ...use, refusals: () => refusals };
}

const frame = (number: number): HandlerRun => ({ kind: RunKind.frame, number });
const restored = (number: number): HandlerRun => ({ kind: RunKind.restored, number });
const timer = (number: number): HandlerRun => ({ kind: RunKind.timer, number });

const point = (time: number) => ({ time: BigInt(time), name: 'm', fields: { v: 1 } });
/** Bytes of a point's frame as the peer writes it; times up to 127 take one byte. */
const bytes = encodeRequest(pointRequest(point(1))).length;

async function send(kapacitor: KapacitorPeer, ...times: number[]): Promise<void> {
  for (const time of times) kapacitor.point(point(time));
  await kapacitor.snapshot(); // answered after them
}

describe('the run that another thread sees', () => {
  test('is that of the point, by the end of its frame, and none between two turns', async () => {
    const { kapacitor } = watched(plain);
    await kapacitor.init();
    await send(kapacitor, 1, 2);
    expect(reader.current).toBeUndefined();
    expect(seen).toEqual([
      ['point 1', frame(bytes)],
      ['point 2', frame(2 * bytes)],
    ]);
    expect(reader.begunBytes).toBe(2 * bytes);
  });

  test('is that of a point that waited, not of the one that has released it', async () => {
    const { kapacitor } = watched(plain);
    await kapacitor.init('.reorder(10ns)');
    await send(kapacitor, 3, 1, 2, 20);
    expect(seen).toEqual([
      ['point 1', frame(2 * bytes)],
      ['point 2', frame(3 * bytes)],
      ['point 3', frame(bytes)],
    ]);
    await kapacitor.stop();
    expect(seen.at(-1)).toEqual(['point 20', frame(4 * bytes)]);
  });

  test('is that of a point that waited in a restored snapshot, by its place there', async () => {
    const first = watched(plain);
    await first.kapacitor.init('.reorder(10ns)');
    await send(first.kapacitor, 3, 1);
    const snapshot = await first.kapacitor.snapshot();
    const second = watched(plain);
    await second.kapacitor.init('.reorder(10ns)');
    await second.kapacitor.restore(snapshot);
    await send(second.kapacitor, 2, 20);
    expect(seen).toEqual([
      ['point 1', restored(2)],
      ['point 2', frame(bytes)],
      ['point 3', restored(1)],
    ]);
  });

  test('is that of the timer, and then of the point before which it fires', async () => {
    const { kapacitor } = watched(timed);
    await kapacitor.init();
    await send(kapacitor, 1, 2, 12);
    expect(seen).toEqual([
      ['point 1', frame(bytes)],
      ['point 2', frame(2 * bytes)],
      ['timer 1', timer(1)],
      ['timer 2', timer(2)],
      ['point 12', frame(3 * bytes)],
    ]);
  });

  test('is that of stop, by group', async () => {
    const { kapacitor } = watched(timed);
    await kapacitor.init();
    await send(kapacitor, 1);
    await kapacitor.stop();
    expect(seen.at(-1)).toEqual(['stop', { kind: RunKind.stop, number: 0 }]);
  });

  test('is that of the call which has begun last, where calls overlap', async () => {
    const { kapacitor } = watched(overlapping);
    await kapacitor.init();
    await send(kapacitor, 1, 2);
    expect(seen).toEqual([
      ['point 1', frame(bytes)],
      ['point 2', frame(2 * bytes)],
    ]);
  });

  test.each([
    [whole, ['batch 9']],
    [pointByPoint, ['begin', 'point 1', 'end']],
  ])('is that of the frame whose handler is called: $name', async (definition, handlers) => {
    const { kapacitor } = watched(definition);
    await kapacitor.init();
    kapacitor.batch({ name: 'm', time: 9n, points: [point(1)] });
    await kapacitor.snapshot();
    expect(seen.map(([what]) => what)).toEqual(handlers);
    const numbers = seen.map(([, run]) => run?.number);
    expect(numbers).toEqual([...numbers].sort((one, other) => one! - other!));
    expect(numbers.at(-1)).toBe(reader.begunBytes);
    expect(seen.every(([, run]) => run?.kind === RunKind.frame)).toBe(true);
  });

  test('changes its activity with each call, though several belong to one frame', async () => {
    const { kapacitor } = watched(timed);
    await kapacitor.init();
    await send(kapacitor, 1, 2, 12);
    await kapacitor.stop();
    expect(new Set(activities).size).toBe(6);
  });
});

describe('a run that is refused', () => {
  const reason = 'the worker has ended, twice';

  test.each([
    ['a point', plain, '', frame(2 * bytes), [1, 3], /on the point at 2; dropped$/],
    ['a point of calls that overlap', overlapping, '', frame(2 * bytes), [1, 3], /at 2; dropped$/],
    ['a point that waits', plain, '.reorder(1h)', frame(2 * bytes), [1, 3], /at 2; dropped$/],
    ['the point that releases others', plain, '.reorder(1ns)', frame(3 * bytes), [1, 2], /at 3; dropped$/],
  ] as const)('is left to the error policy: %s', async (_what, definition, options, run, times, text) => {
    const { kapacitor, log, agent, refusals } = watched(definition, [{ ...run, reason }]);
    await kapacitor.init(options);
    await send(kapacitor, 1, 2, 3);
    const { points } = await kapacitor.stop();
    expect(points.map(({ time }) => Number(time))).toEqual(times);
    const errors = log.filter(({ level }) => level === 'error').map(({ message }) => message);
    expect(errors).toEqual([expect.stringMatching(text)]);
    expect(errors[0]).toContain(reason);
    expect(agent.stats).toMatchObject({ pointsDropped: 1, errors: 1 });
    expect(refusals()).toBe(1);
    expect(seen).toHaveLength(2);
  });

  test('a point is passed on in its place, where the policy says so', async () => {
    const { kapacitor } = watched(plain, [{ ...frame(2 * bytes), reason }], { onError: 'pass' });
    await kapacitor.init('.reorder(1h)');
    await send(kapacitor, 3, 1, 2);
    expect((await kapacitor.stop()).points.map(({ time }) => Number(time))).toEqual([1, 2, 3]);
    expect(seen.map(([what]) => what)).toEqual(['point 2', 'point 3']);
  });

  test('ends the task, where the policy is to stop', async () => {
    const { kapacitor } = watched(plain, [{ ...frame(2 * bytes), reason }], { onError: 'stop' });
    await kapacitor.init();
    await expect(send(kapacitor, 1, 2)).rejects.toThrow(`${reason} on the point at 2`);
  });

  test('a restored point that waits', async () => {
    const first = watched(plain);
    await first.kapacitor.init('.reorder(1h)');
    await send(first.kapacitor, 3, 1);
    const snapshot = await first.kapacitor.snapshot();
    const { kapacitor } = watched(plain, [{ ...restored(2), reason }]);
    await kapacitor.init('.reorder(1h)');
    await kapacitor.restore(snapshot);
    await send(kapacitor, 2);
    expect((await kapacitor.stop()).points.map(({ time }) => Number(time))).toEqual([2, 3]);
  });

  test('a timer, alone of those that are due', async () => {
    const { kapacitor, log } = watched(timed, [{ ...timer(1), reason }]);
    await kapacitor.init();
    await send(kapacitor, 1, 2, 12);
    expect(seen.map(([what]) => what)).toEqual(['point 1', 'point 2', 'timer 2', 'point 12']);
    expect(log.filter(({ level }) => level === 'error')).toMatchObject([
      { message: `timed: task test: ${reason} in timer "1" of group "" at 11; dropped` },
    ]);
  });

  test('a batch, or the handler of one of its frames', async () => {
    const batch = async (definition: UdfDefinition, refused: readonly RefusedRun[]) => {
      const { kapacitor } = watched(definition, refused);
      await kapacitor.init();
      for (const time of [1n, 2n]) kapacitor.batch({ name: 'm', time, points: [point(1), point(2)] });
      return { batches: (await kapacitor.stop()).batches, seen: [...seen] };
    };
    const ends = (await batch(whole, [])).seen.map(([, run]) => run!);
    expect((await batch(whole, [{ ...ends[0]!, reason }])).batches.map(({ time }) => time)).toEqual([2n]);
    const runs = (await batch(pointByPoint, [])).seen.map(([, run]) => run!);
    const { batches } = await batch(pointByPoint, [{ ...runs[1]!, reason }]);
    expect(batches.map(({ points }) => points.length)).toEqual([1, 2]);
  });

  test('is recognized by its error, and by one that it has caused', () => {
    const runs = new HandlerRuns(new SharedArrayBuffer(handlerRunsBytes), [{ ...timer(1), reason }]);
    let refusal: unknown;
    try {
      runs.begin(RunKind.timer, 1);
    } catch (thrown) {
      refusal = thrown;
    }
    expect(refusal).toMatchObject({ code: 'handler', message: reason });
    expect([refusal, new Error('wrapped', { cause: refusal })].map((one) => runs.isRefusal(one))).toEqual([
      true,
      true,
    ]);
    expect([new Error(reason), undefined, { cause: refusal }].map((one) => runs.isRefusal(one))).toEqual([
      false,
      false,
      false,
    ]);
  });
});
