import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { retainedBytes } from '../../../src/agent/limits.js';
import { ReorderBuffer } from '../../../src/agent/stages/reorder-buffer.js';
import { LazyPoint } from '../../../src/wire/point/lazy-point.js';

describe('ReorderBuffer', () => {
  const pointAt = (group: string, time: bigint, number = 0): LazyPoint =>
    LazyPoint.create(
      {
        time,
        name: 'm',
        database: '',
        retentionPolicy: '',
        group,
        dimensions: [],
        byName: false,
        tags: {},
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
