import { defineUdf, option } from 'kapacitor-udf';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type GroupExpiry, GroupTable } from '../../../src/agent/state/table.js';
import { type RunOptions, runUdf } from '../../../src/testkit/run.js';

/** Emits how many points its group has had since its state is there. */
const counting = defineUdf({
  name: 'counting',
  wants: 'stream',
  provides: 'stream',
  options: { from: option.int({ default: 0, doc: '' }) },
  state: ({ from }) => ({ seen: from }),
  point(point, { state, emit }) {
    emit(point.replaceFields({ seen: ++state.seen }));
  },
});

const countingBatches = defineUdf({
  name: 'countingBatches',
  wants: 'batch',
  provides: 'batch',
  state: () => ({ seen: 0 }),
  batch(batch, { state, emit }) {
    emit(batch.withPoints([{ time: batch.time, fields: { seen: ++state.seen } }]));
  },
});

const countingPoints = defineUdf({
  name: 'countingPoints',
  wants: 'batch',
  provides: 'stream',
  state: () => ({ seen: 0 }),
  point(point, { state, emit }) {
    emit(point.replaceFields({ seen: ++state.seen }));
  },
});

/** Points of these groups at these times, one after the other, as `a@1 b@2`. */
function points(
  text: string,
): { name: string; tags: { host: string }; time: bigint; fields: { v: number } }[] {
  return text.split(' ').map((each) => {
    const [host, time] = each.split('@');
    return { name: 'cpu', tags: { host: host! }, time: BigInt(time!), fields: { v: 1 } };
  });
}

async function seen(options: RunOptions, text: string): Promise<unknown[]> {
  const run = await runUdf(counting, { groupBy: ['host'], ...options });
  await run.send(points(text));
  return (await run.stop()).points.map((point) => point.field('seen'));
}

describe('groups', () => {
  test('are kept for ever if nothing else is said', async () => {
    expect(await seen({}, 'a@1 b@2 c@3 a@1000000 b@1000000')).toEqual([1, 1, 1, 2, 2]);
  });

  test('begin afresh after a time without points, which is the time of the points', async () => {
    expect(await seen({ groupTtl: 10n }, 'a@1 b@1 a@11 b@12')).toEqual([1, 1, 2, 1]);
  });

  test('begin afresh after such a time even where no other group has shown that it has passed', async () => {
    expect(await seen({ groupTtl: 10n }, 'a@1 a@2 a@13 a@14')).toEqual([1, 2, 1, 2]);
  });

  test('are not made younger by late points', async () => {
    expect(await seen({ groupTtl: 10n }, 'a@20 a@5 b@31 a@31')).toEqual([1, 2, 1, 1]);
  });

  test('give up their memory when they expire, and not before', async () => {
    const run = await runUdf(counting, { groupBy: ['host'], options: { groupTtl: '10ns' } });
    await run.send(points('a@1 b@2 c@11'));
    expect(run.stats.groups).toBe(3);
    await run.send(points('c@12'));
    expect(run.stats.groups).toBe(2);
    await run.send(points('d@100 e@101'));
    expect(run.stats.groups).toBe(2);
    await run.stop();
  });

  test('are not made old by one point from the future, nor is its own group kept for ever', async () => {
    const run = await runUdf(counting, { groupBy: ['host'], options: { groupTtl: '10ns' } });
    await run.send(points('a@1 b@2 wrong@9999 a@3 b@4 wrong@9999 a@5'));
    expect(run.points.map((point) => point.field('seen'))).toEqual([1, 1, 1, 2, 2, 2, 3]);
    for (let time = 6; time < 100; time++) await run.send(points(`a@${time} new${time}@${time}`));
    expect(run.stats.groups).toBeLessThanOrEqual(12);
    await run.stop();
  });

  test('beyond the number allowed are forgotten, the one used longest ago first', async () => {
    expect(await seen({ maxGroups: 2 }, 'a@1 b@2 a@3 c@4 a@5 b@6')).toEqual([1, 1, 2, 1, 3, 1]);
  });

  test('obey the TICKscript before the host', async () => {
    const run = await runUdf(counting, { groupBy: ['host'], maxGroups: 1, options: '.maxGroups(2)' });
    await run.send(points('a@1 b@2 c@3'));
    expect(run.stats.groups).toBe(2);
    await run.stop();
  });

  test('of batches expire by the time of the batches', async () => {
    const run = await runUdf(countingBatches, { groupTtl: 10n });
    for (const time of [1n, 5n, 16n]) {
      await run.send({ name: 'cpu', tags: { host: 'a' }, time, points: [{ time: 999n, fields: { v: 1 } }] });
    }
    const { batches } = await run.stop();
    expect(batches.map((batch) => batch.points[0]?.field('seen'))).toEqual([1, 2, 1]);
  });

  test('of batches that are handled point by point expire as well', async () => {
    const run = await runUdf(countingPoints, { maxGroups: 1 });
    for (const host of ['a', 'a', 'b', 'a']) {
      await run.send({ name: 'cpu', tags: { host }, time: 1n, points: [{ time: 1n, fields: { v: 1 } }] });
    }
    const { points: out } = await run.stop();
    expect(out.map((point) => point.field('seen'))).toEqual([1, 2, 1, 1]);
    expect(run.stats.groups).toBe(1);
  });

  test('keep their order and their times over a snapshot', async () => {
    const first = await runUdf(counting, { groupBy: ['host'], maxGroups: 2, groupTtl: 100n });
    await first.send(points('a@1 b@2 a@3'));
    const second = await first.restart();
    await second.send(points('c@50 a@51 b@52'));
    expect((await second.stop()).points.map((point) => point.field('seen'))).toEqual([1, 3, 1]);
  });

  test('from a snapshot that knows no times obey limits that are new', async () => {
    const first = await runUdf(counting, { groupBy: ['host'] });
    await first.send(points('a@1 b@2 c@3'));
    const snapshot = await first.snapshot();
    await first.stop();

    const few = await runUdf(counting, { groupBy: ['host'], maxGroups: 2, snapshot });
    await few.send(points('c@4 d@5 c@6 d@7'));
    expect(few.points.map((point) => point.field('seen'))).toEqual([2, 1, 3, 2]);
    expect(few.stats.groups).toBe(2);
    // What it holds now can be stored and read again.
    const again = await few.restart();
    expect(again.log.filter(({ level }) => level === 'error')).toEqual([]);
    expect(again.stats.groups).toBe(2);
    await again.stop();

    const fewer = await runUdf(counting, { groupBy: ['host'], maxGroups: 1, snapshot });
    expect(fewer.stats.groups).toBe(1); // already before the first point
    await fewer.stop();

    const brief = await runUdf(counting, { groupBy: ['host'], groupTtl: 10n, snapshot });
    await brief.send(points('a@4 b@14 a@15'));
    expect(brief.points.map((point) => point.field('seen'))).toEqual([2, 2, 1]);
    expect(brief.stats.groups).toBe(2);
    await brief.stop();
  });

  test('are as many as the host will hold, found by the bytes of their names', async () => {
    const run = await runUdf(counting, { groupBy: ['host'] });
    const hosts = Array.from({ length: 3000 }, (_, index) => `h\u00e4 ${index} \u{1f600}`);
    const round = hosts.map((host) => ({ name: 'cpu', tags: { host }, time: 1n, fields: { v: 1 } }));
    await run.send(round);
    const { points: out } = await run.send(round);
    expect(new Set(out.map((point) => point.field('seen')))).toEqual(new Set([2]));
    expect(run.stats.groups).toBe(3000);
    await run.stop();
  });
});

interface SlowEntry {
  readonly name: string;
  readonly state: number;
  /** The time of its newest point, and the clock at its last use. */
  readonly newest: bigint;
  readonly clock: bigint;
}

/** What a group table does, done slowly: every entry is looked at each time. */
class SlowTable {
  entries: SlowEntry[] = [];
  #clock: bigint | undefined;
  #ahead: { name: string; time: bigint } | undefined;
  readonly #expiry: GroupExpiry;

  constructor(expiry: GroupExpiry) {
    this.#expiry = expiry;
  }

  use(name: string, time: bigint): number {
    const { ttl, max = Infinity } = this.#expiry;
    const known = this.entries.find((entry) => entry.name === name) ?? { name, state: 0, newest: time };
    const over = ttl !== undefined && known.newest + ttl < time;
    this.#note(name, time);
    const entry: SlowEntry = {
      name,
      state: (over ? 0 : known.state) + 1,
      newest: time > known.newest ? time : known.newest,
      clock: this.#clock!,
    };
    const others = this.entries.filter((other) => other.name !== name);
    const young = others.filter(({ clock }) => ttl === undefined || clock + ttl >= this.#clock!);
    this.entries = [...young, entry].slice(-max);
    if (!this.entries.some((held) => held.name === this.#ahead?.name)) this.#ahead = undefined;
    return entry.state;
  }

  #note(name: string, time: bigint): void {
    const { ttl } = this.#expiry;
    const ahead = this.#ahead;
    if (this.#clock === undefined || ttl === undefined || time <= this.#clock + ttl) {
      this.#ahead = undefined;
      if (this.#clock === undefined || time > this.#clock) this.#clock = time;
    } else if (!ahead || ahead.name === name) {
      this.#ahead = { name, time };
    } else {
      const clock = ahead.time < time ? ahead.time : time;
      this.entries = this.entries.map((entry) => (entry.name === ahead.name ? { ...entry, clock } : entry));
      this.#clock = clock;
      this.#ahead = undefined;
    }
  }
}

test('the table of groups does what a plain list does', () => {
  const uses = fc.array(fc.tuple(fc.nat(40), fc.nat(200)), { maxLength: 300 });
  const expiry = fc.record({
    ttl: fc.option(fc.bigInt({ min: 1n, max: 60n }), { nil: undefined }),
    max: fc.option(fc.integer({ min: 1, max: 30 }), { nil: undefined }),
  });
  fc.assert(
    fc.property(uses, expiry, (steps, limits) => {
      const table = new GroupTable(() => 0, limits);
      const model = new SlowTable(limits);
      for (const [group, at] of steps) {
        const name = Buffer.from(`group ${group}`);
        const index = table.findOrCreate(name, 0, name.length);
        table.enter(index, BigInt(at));
        const count = (table.state(index) as number) + 1;
        table.setState(index, count);
        expect(count).toBe(model.use(name.toString(), BigInt(at)));
        expect(table.size).toBe(model.entries.length);
      }
      if (!table.expires) return;
      const entries = model.entries.map(({ name, state, newest, clock }) => [
        name,
        state,
        limits.ttl === undefined ? newest : clock,
      ]);
      expect([...table.entries()]).toEqual(entries);
      const copy = new GroupTable(() => 0, limits);
      for (const entry of table.entries()) copy.restore(entry);
      expect([...copy.entries()]).toEqual(entries);
    }),
  );
});

test('a state that cannot be made leaves the table as it was, also where a place is free', () => {
  let fails = false;
  const table = new GroupTable(
    () => {
      if (fails) throw new Error('no state');
      return 'state';
    },
    { max: 2 },
  );
  const use = (name: string): void => {
    const bytes = Buffer.from(name);
    table.enter(table.findOrCreate(bytes, 0, bytes.length), 1n);
  };
  for (const name of ['a', 'b', 'c']) use(name); // a is forgotten, and its place is free
  fails = true;
  expect(() => {
    use('d');
  }).toThrow('no state');
  expect([...table.entries()].map(([name]) => name)).toEqual(['b', 'c']);
  fails = false;
  for (const name of ['d', 'e', 'd']) use(name);
  expect([...table.entries()].map(([name]) => name)).toEqual(['e', 'd']);
});
