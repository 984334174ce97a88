import { defineUdf } from 'kapacitor-udf';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ConcurrentCalls } from '../../src/agent/calls/concurrent-calls.js';
import type { FailurePolicy } from '../../src/agent/failure-policy.js';
import { InputPoints } from '../../src/agent/input-points.js';
import type { Instance } from '../../src/agent/instance.js';
import { retainedBytes } from '../../src/agent/limits.js';
import type { Output } from '../../src/agent/output.js';
import { ReorderBuffer } from '../../src/agent/stages/reorder-buffer.js';
import { Stages } from '../../src/agent/stages/stages.js';
import { runUdf } from '../../src/testkit/run.js';
import { LazyPoint } from '../../src/wire/point/lazy-point.js';
import mirror from '../../udfs/mirror/mirror.js';
import mirrorBatch from '../../udfs/mirror-batch/mirror-batch.js';
import { kapacitorInMemory } from '../support/connection.js';
import { refusal } from '../support/udf-runs.js';

const options = '.reorder(10s)';
const second = 1_000_000_000n;

/** Lines of points of a group at these seconds, each with its number as a field. */
function lines(host: string, ...seconds: number[]): string {
  return seconds.map((time, index) => `m,host=${host} n=${index}i ${BigInt(time) * second}`).join('\n');
}

const timesOf = (points: readonly { readonly time: bigint }[]): number[] =>
  points.map(({ time }) => Number(time / second));

describe('.reorder(duration)', () => {
  it('hands the points of a group on in order of time, once one is newer by that much', async () => {
    const run = await runUdf(mirror, { options });
    expect(timesOf((await run.send(lines('a', 0, 5, 3, 9))).points)).toEqual([]);
    expect(timesOf((await run.send(lines('a', 14))).points)).toEqual([0, 3]);
    expect(timesOf((await run.send(lines('a', 11, 30))).points)).toEqual([5, 9, 11, 14]);
  });

  it('keeps the order of points of the same time', async () => {
    const run = await runUdf(mirror, { options });
    const { points } = await run.send(`${lines('a', 1, 1, 1)}\n${lines('a', 20)}`);
    expect(points.map((point) => point.field('n'))).toEqual([0n, 1n, 2n]);
  });

  it('passes what is later still on at once, and counts it', async () => {
    const run = await runUdf(mirror, { options });
    await run.send(lines('a', 0, 5, 30));
    expect(timesOf((await run.send(lines('a', 4))).points)).toEqual([4]);
    expect(run.stats.counters).toEqual({ reorderLate: 1 });
  });

  it('orders each group by itself; one that falls silent is handed on by the points of others', async () => {
    const run = await runUdf(mirror, { options, groupBy: ['host'] });
    const { points } = await run.send(`${lines('a', 100, 99)}\n${lines('b', 5, 3)}\n${lines('b', 105)}`);
    expect(timesOf(points)).toEqual([3, 5]);
    const { points: more } = await run.send(lines('b', 110));
    expect(more.map((point) => [point.tag('host'), Number(point.time / second)])).toEqual([
      ['a', 99],
      ['a', 100],
    ]);
  });

  it('hands all on in order of time when the task stops, before `stop` is called', async () => {
    const order = defineUdf({
      name: 'order',
      wants: 'stream',
      provides: 'stream',
      state: () => ({ seen: [] as number[], last: undefined as LazyPoint | undefined }),
      point(point, { state }) {
        state.seen.push(Number(point.time / second));
        return point;
      },
      stop: ({ log, state }) => {
        log.info(`stopped after ${state.seen.join(' ')}`);
      },
    });
    const run = await runUdf(order, { options, groupBy: ['host'] });
    await run.send(`${lines('a', 4, 2)}\n${lines('b', 3, 1)}`);
    const { points } = await run.stop();
    expect(timesOf(points)).toEqual([1, 2, 3, 4]);
    expect(run.log.map(({ message }) => message)).toEqual(
      expect.arrayContaining(['stopped after 2 4', 'stopped after 1 3']),
    );
  });

  it('keeps waiting points in snapshots, and hands them on where the option was removed', async () => {
    const run = await runUdf(mirror, { options, groupBy: ['host'] });
    await run.send(lines('a', 0, 12, 11));
    const snapshot = await run.snapshot();
    const again = await runUdf(mirror, { options, groupBy: ['host'], snapshot });
    expect(timesOf((await again.send(lines('a', 1, 25))).points)).toEqual([1, 11, 12]);
    const without = await runUdf(mirror, { groupBy: ['host'], snapshot });
    expect(timesOf((await without.send(lines('a', 13))).points)).toEqual([11, 12, 13]);
  });

  it('holds at most `reorderBytes`: beyond it, what came first is handed on early, and counted', async () => {
    const run = await runUdf(mirror, { options, groupBy: ['host'], limits: { reorderBytes: 300 } });
    const { points } = await run.send(`${lines('a', 3, 2, 1)}\n${lines('b', 1)}\n${lines('c', 1)}`);
    expect(timesOf(points).slice(0, 3)).toEqual([1, 2, 3]);
    expect(run.stats.counters.reorderEarly).toBeGreaterThan(0);
  });

  it('recovers from a point of the far future', async () => {
    const run = await runUdf(mirror, { options });
    await run.send(lines('a', 0, 1_000_000));
    const late = Array.from({ length: 12 }, (_, index) => index + 1);
    await run.send(lines('a', ...late));
    const { points } = await run.send(lines('a', 30, 28, 50));
    expect(timesOf(points).slice(-2)).toEqual([28, 30]);
  });

  it('fires timers by the points that are handled, in order', async () => {
    const timed = defineUdf({
      name: 'timed',
      wants: 'stream',
      provides: 'stream',
      point(point, { timers }) {
        if (point.time === 0n) timers.set('x', { after: '2s' });
        return point;
      },
      timer: (_timer, { newPoint }) => newPoint({ timer: true }),
    });
    const run = await runUdf(timed, { options });
    const { points } = await run.send(lines('a', 0, 3, 1, 20));
    expect(points.map((point) => point.field('timer') ?? Number(point.time / second))).toEqual([
      0,
      1,
      true,
      3,
    ]);
  });

  it('waits for async handlers, one after another', async () => {
    const slow = defineUdf({
      name: 'slow',
      wants: 'stream',
      provides: 'stream',
      point: async (point) => {
        await Promise.resolve();
        return point;
      },
    });
    const { kapacitor, agent } = kapacitorInMemory(slow);
    await kapacitor.init(options);
    for (const time of [3n, 1n, 2n]) kapacitor.point({ time: time * second, name: 'm', fields: { v: 1 } });
    const { points } = await kapacitor.stop();
    await agent.closed;
    expect(timesOf(points)).toEqual([1, 2, 3]);
  });

  it('is refused where batches come in', async () => {
    expect(await refusal(mirrorBatch, options)).toBe(
      'mirrorBatch: .reorder() needs a UDF that wants a stream',
    );
  });
});

describe('.reorder(duration) with other features', () => {
  const limited = { callTimeoutMs: 10_000 };
  const state = () => ({ log: [] as string[] });

  it('runs an async point with a time limit before a timer that follows it', async () => {
    const timed = defineUdf({
      name: 'timed',
      wants: 'stream',
      provides: 'stream',
      ...limited,
      state,
      async point(point, { timers, state: { log } }) {
        if (point.time === 0n) timers.set('x', { at: 2n * second });
        await Promise.resolve();
        log.push(String(point.time / second));
        return point.replaceFields({ log: log.join(' ') });
      },
      async timer(_timer, { state: { log }, newPoint }) {
        await Promise.resolve();
        log.push('timer');
        return newPoint({ log: log.join(' ') });
      },
    });
    const run = await runUdf(timed, { options });
    const { points } = await run.send(lines('a', 0, 3, 1, 2, 20));
    expect(points.at(-1)!.field('log')).toBe('0 1 timer 2 3');
  });

  it.each(['group', 'all'] as const)(
    'orders the points of each group where calls overlap, with output ordered by %s',
    async (ordered) => {
      const slow = defineUdf({
        name: 'slow',
        wants: 'stream',
        provides: 'stream',
        concurrency: 4,
        ordered,
        async point(point) {
          for (let turns = Number(point.time / second) % 3; turns > 0; turns--) await nextTurn();
          return point;
        },
      });
      const { kapacitor } = kapacitorInMemory(slow);
      await kapacitor.init(options);
      const times = [4, 1, 3, 2, 0, 5, 9, 7, 8, 6, 30];
      for (const time of times) {
        for (const host of ['a', 'b', 'c']) {
          const head = { name: 'm', group: `host=${host}`, dimensions: ['host'], tags: { host } };
          kapacitor.point({ ...head, time: BigInt(time) * second, fields: { v: 1 } });
        }
      }
      const { points } = await kapacitor.stop();
      for (const host of ['a', 'b', 'c']) {
        const ofHost = points.filter((point) => point.tag('host') === host);
        expect(timesOf(ofHost)).toEqual(times.toSorted((a, b) => a - b));
      }
    },
  );

  it('passes released points on as calls have room for them', async () => {
    let waiting = 0;
    let room: (() => void) | undefined;
    const calls = {
      idle: () => undefined,
      point: () => {
        waiting++;
      },
      room: () =>
        waiting < 3 ? undefined : new Promise<void>((resolve) => (room = resolve)).then(() => (waiting = 0)),
    };
    const stages = new Stages({
      ...{ reorder: 10n * second, distinct: undefined, maxReorderBytes: Infinity, count: () => undefined },
      activated: () => undefined,
    });
    const points = new InputPoints({
      ...{ calls: calls as unknown as ConcurrentCalls, stages, count: () => undefined }, // what is used of it
      ...{ instance: {} as unknown as Instance, failures: {} as unknown as FailurePolicy, timers: undefined }, // not used with calls
      output: { blocked: false } as unknown as Output, // nothing else is used
      signal: new AbortController().signal,
    });
    const head = { name: 'm', database: '', retentionPolicy: '', group: '', dimensions: [], byName: false };
    for (let time = 0n; time < 10n; time++) {
      await points.point(LazyPoint.create({ ...head, tags: {}, time }, {}));
    }
    const released = points.point(LazyPoint.create({ ...head, tags: {}, time: 100n * second }, {}));
    let most = waiting;
    for (let round = 0; round < 10 && room; round++) {
      const resolve = room;
      room = undefined;
      resolve();
      await nextTurn();
      most = Math.max(most, waiting);
    }
    await released;
    expect(most).toBe(3);
    expect(waiting).toBe(10 % 3);
  });

  it('hands on a late point before those that are due', async () => {
    const run = await runUdf(mirror, { options, groupBy: ['host'] });
    await run.send(`${lines('a', 0, 15)}\n${lines('b', 12)}\n${lines('a', 30)}`);
    expect(timesOf((await run.send(lines('a', 1))).points)).toEqual([1]);
  });

  it('limits the time of each call, not of all that a point releases', async () => {
    const slow = defineUdf({
      name: 'slow',
      wants: 'stream',
      provides: 'stream',
      point: (point) => new Promise<typeof point>((resolve) => setTimeout(resolve, 40, point)),
    });
    const { kapacitor, agent } = kapacitorInMemory(slow, { limits: { handlerMs: 150 } });
    await kapacitor.init(options);
    for (const time of [3n, 1n, 2n, 4n, 5n, 6n, 30n]) {
      kapacitor.point({ time: time * second, name: 'm', fields: { v: 1 } });
    }
    const { points } = await kapacitor.stop();
    expect(timesOf(points)).toEqual([1, 2, 3, 4, 5, 6, 30]);
    expect(agent.failure).toBeUndefined();
  });
});

describe('a point of the far future', () => {
  const far = 1_000_000;

  it('is handed on alone by the next point, and disturbs no other', async () => {
    const run = await runUdf(mirror, { options });
    await run.send(lines('a', 0, 5, far));
    expect(timesOf((await run.send(lines('a', 3))).points)).toEqual([far]);
    expect(timesOf((await run.send(lines('a', 14, 11, 25))).points)).toEqual([0, 3, 5, 11, 14]);
    expect(run.stats.counters).toEqual({});
  });

  it('does not keep a silent group from being handed on by the points of others', async () => {
    const run = await runUdf(mirror, { options, groupBy: ['host'] });
    await run.send(`${lines('a', 1)}\n${lines('b', 0, far)}\n${lines('c', 2)}`);
    const { points } = await run.send(lines('c', 8, 14));
    expect(points.map((point) => point.tag('host'))).toContain('a');
  });

  it('is the present if the next one confirms it: after a gap, points are put in order as before', async () => {
    const run = await runUdf(mirror, { options, groupBy: ['host'] });
    await run.send(`${lines('a', 0)}\n${lines('b', 0)}`);
    const { points } = await run.send(
      `${lines('a', far)}\n${lines('b', far - 3)}\n${lines('a', far - 5, far + 1, far + 20)}`,
    );
    expect(timesOf(points.filter((point) => point.tag('host') === 'a'))).toEqual([0, far - 5, far, far + 1]);
    expect(run.stats.counters).toEqual({});
  });

  it('sets the time back once late points have come for long, where it was the first', async () => {
    const run = await runUdf(mirror, { options });
    await run.send(lines('a', far));
    await run.send(lines('a', ...Array.from({ length: 12 }, (_, minute) => 60 * minute)));
    const { points } = await run.send(lines('a', 702, 701, 720));
    expect(timesOf(points)).toEqual([660, 701, 702]);
  });
});

describe('a group without waiting points', () => {
  const silenced = async () => {
    const run = await runUdf(mirror, { options, groupBy: ['host'] });
    const { points } = await run.send(`${lines('a', 100)}\n${lines('b', 111)}`);
    expect(timesOf(points)).toEqual([100]);
    return run;
  };

  it('still counts as late what is older than its last point', async () => {
    const run = await silenced();
    expect(timesOf((await run.send(lines('a', 99))).points)).toEqual([99]);
    expect(run.stats.counters).toEqual({ reorderLate: 1 });
  });

  it('does so after a restore', async () => {
    const run = await silenced();
    const again = await runUdf(mirror, { options, groupBy: ['host'], snapshot: await run.snapshot() });
    expect(timesOf((await again.send(lines('a', 99))).points)).toEqual([99]);
    expect(again.stats.counters).toEqual({ reorderLate: 1 });
  });
});

describe('ReorderBuffer', () => {
  const pointAt = (group: string, time: bigint, number = 0): LazyPoint =>
    LazyPoint.create(
      {
        ...{ time, name: 'm', database: '', retentionPolicy: '', group },
        ...{ dimensions: [], byName: false, tags: {} },
      },
      { number: BigInt(number) },
    );

  class Counted {
    lates = 0;
    earlies = 0;
    late(): void {
      this.lates++;
    }
    early(): void {
      this.earlies++;
    }
  }

  const wait = 20n;

  /** Points of three groups, with gaps, each with its delay: they come in the order of their times plus delays. */
  const jittered = fc
    .array(
      fc.record({
        group: fc.constantFrom('a', 'b', 'c'),
        step: fc.oneof(
          { weight: 20, arbitrary: fc.bigInt(0n, 15n) },
          { weight: 1, arbitrary: fc.constant(3_600_000_000_000n) },
        ),
        delay: fc.bigInt(0n, wait),
      }),
      { maxLength: 200 },
    )
    .map((inputs) => {
      let time = 0n;
      return inputs
        .map(({ group, step, delay }) => ({ group, time: (time += step), arrival: time + delay }))
        .sort((a, b) => (a.arrival < b.arrival ? -1 : a.arrival > b.arrival ? 1 : 0));
    });

  it('puts any points that come within the duration in order: sorted by group, complete, and no more wait than must', () => {
    fc.assert(
      fc.property(jittered, (inputs) => {
        const events = new Counted();
        const buffer = new ReorderBuffer(wait, Infinity, events);
        const out: LazyPoint[] = [];
        const newest = new Map<string, bigint>();
        const waiting = new Set<number>();
        for (const [number, { group, time }] of inputs.entries()) {
          expect(buffer.add(pointAt(group, time, number))).toBe(true);
          waiting.add(number);
          const before = newest.get(group);
          for (let next; (next = buffer.next());) {
            out.push(next);
            waiting.delete(Number(next.field('number')));
          }
          expect(buffer.size).toBe(waiting.size);
          newest.set(group, before === undefined || time > before ? time : before);
          // The last point may be too far ahead to count before the next one.
          for (const other of waiting) {
            const { time: since, group: of } = inputs[other]!;
            const shown = of === group ? (before ?? time) : newest.get(of)!;
            if (shown - since < 600_000_000_000n) expect(since > shown - wait).toBe(true);
          }
        }
        for (let next; (next = buffer.takeFirst());) out.push(next);
        expect(buffer.size).toBe(0);
        expect(events).toMatchObject({ lates: 0, earlies: 0 });
        expect(new Set(out.map((point) => point.field('number'))).size).toBe(inputs.length);
        for (const group of ['a', 'b', 'c']) {
          const times = out.filter((point) => point.group === group).map(({ time }) => time);
          expect(times).toEqual(times.toSorted((a, b) => Number(a - b)));
        }
      }),
    );
  });

  it('hands each point on exactly once, in whatever order they come, and holds no more bytes than allowed', () => {
    const anyTime = fc.oneof(fc.bigInt(0n, 100n), fc.bigInt(0n, 10n ** 15n));
    const inputs = fc.array(fc.record({ group: fc.constantFrom('a', 'b'), time: anyTime }), {
      maxLength: 100,
    });
    fc.assert(
      fc.property(inputs, fc.integer({ min: 0, max: 20 }), (given, maxPoints) => {
        const events = new Counted();
        const maxBytes = maxPoints * retainedBytes(pointAt('a', 1n, 1)) + 100;
        const buffer = new ReorderBuffer(wait, maxBytes, events);
        const out = new Set<bigint>();
        const take = (point: LazyPoint): void => {
          const number = point.field('number') as bigint; // it was given one
          expect(out.has(number)).toBe(false);
          out.add(number);
        };
        for (const [number, { group, time }] of given.entries()) {
          const point = pointAt(group, time, number);
          if (!buffer.add(point)) take(point);
          for (let next; (next = buffer.next());) take(next);
          expect(buffer.size).toBeLessThanOrEqual(maxPoints + 1);
        }
        for (let next; (next = buffer.takeFirst());) take(next);
        expect(out.size).toBe(given.length);
      }),
    );
  });

  /** Times within the waiting time, late ones, ones that are too late for long, and ones of the far future. */
  const anyTimes = fc.array(
    fc.record({
      group: fc.constantFrom('a', 'b', 'c'),
      time: fc.oneof(
        { weight: 4, arbitrary: fc.bigInt(0n, 100n) },
        { weight: 2, arbitrary: fc.bigInt(0n, 6n).map((minute) => minute * 200_000_000_000n) },
        { weight: 1, arbitrary: fc.bigInt(0n, 100n).map((time) => 10n ** 15n + time) },
      ),
    }),
    { maxLength: 60 },
  );

  it('hands on the same points at the same time, and counts the same ones, where a snapshot of it continues', () => {
    const options = fc.record({ at: fc.nat(60), maxPoints: fc.constantFrom(2, 20, 1_000) });
    fc.assert(
      fc.property(anyTimes, options, (given, { at, maxPoints }) => {
        const maxBytes = maxPoints * retainedBytes(pointAt('a', 1n, 1)) + 100;
        const handedOn = (restoresAt: number): unknown => {
          const events = new Counted();
          let buffer = new ReorderBuffer(wait, maxBytes, events);
          const out: string[] = [];
          const take = (since: number, point: LazyPoint): number =>
            out.push(`${since}: ${String(point.field('number'))}`);
          for (const [number, { group, time }] of given.entries()) {
            if (number === restoresAt) {
              const restored = new ReorderBuffer(wait, maxBytes, events);
              for (const entry of buffer.entries()) restored.restore(entry);
              buffer = restored;
            }
            const point = pointAt(group, time, number);
            if (!buffer.add(point)) take(number, point);
            for (let next; (next = buffer.next());) take(number, next);
          }
          for (let next; (next = buffer.takeFirst());) take(given.length, next);
          return { out, events };
        };
        expect(handedOn(at)).toEqual(handedOn(-1));
      }),
      { numRuns: 1_000 },
    );
  });

  it('counts exactly the points that are handed on before their time', () => {
    const events = new Counted();
    const buffer = new ReorderBuffer(1000n, 3 * retainedBytes(pointAt('a', 1n)), events);
    const out: bigint[] = [];
    for (const time of [5n, 4n, 3n, 2n, 1n, 2000n]) {
      buffer.add(pointAt('a', time));
      for (let next; (next = buffer.next());) out.push(next.time);
    }
    // With 2 four wait, so the first of them goes, for which 1 is late then.
    expect(out).toEqual([2n, 3n, 4n, 5n]);
    expect(events).toMatchObject({ earlies: 1, lates: 1 });
  });

  it('takes a time that grows with the points, whatever their order', () => {
    const count = 100_000;
    const buffer = new ReorderBuffer(BigInt(count), Infinity, new Counted());
    const start = process.cpuUsage(); // other processes do not count
    for (let time = count; time > 0; time--) buffer.add(pointAt('a', BigInt(time)));
    buffer.add(pointAt('a', BigInt(3 * count)));
    let released = 0;
    while (buffer.next()) released++;
    expect(released).toBe(count);
    const { user, system } = process.cpuUsage(start);
    expect((user + system) / 1_000).toBeLessThan(20_000); // milliseconds; a minute with a sorted array
  });

  it('does not grow by strays that were handed on', () => {
    const buffer = new ReorderBuffer(10n, Infinity, new Counted());
    const far = 10n ** 15n;
    for (let time = 0n; time < 5_000n; time++) {
      buffer.add(pointAt('a', time % 2n === 0n ? far + time : time));
      while (buffer.next());
      expect(buffer.size).toBeLessThan(20);
    }
  });
});
