import fc from 'fast-check';
import { runUdf, type UdfRun } from 'kapacitor-udf/testkit';
import { describe, expect, it } from 'vitest';
import type { Point } from '../../src/model/point.js';
import type { Fields } from '../../src/model/values.js';
import edgeDetect from './edge-detect.js';

const second = 1_000_000_000n;

/** The options of a use, in seconds. */
interface Use {
  readonly clock: 'event' | 'wall';
  readonly hold?: number;
  readonly every?: number;
  readonly silentAfter?: number;
  readonly totalsEvery?: number;
  readonly emitFirst?: boolean;
  readonly to?: readonly string[];
  readonly isNewMarked?: boolean;
}

/** A point that comes this many seconds after the one before. */
interface Step {
  readonly wait: number;
  readonly group: string;
  readonly value: string | undefined;
}

interface Shown {
  readonly time: number;
  readonly state: string | undefined;
  readonly fields: Fields;
}

/** What a group does, worked out second by second. */
class Model {
  readonly out: Shown[] = [];
  readonly #use: Use;
  #current: { value: string; since: number; count: number; emitted: number | null } | undefined;
  #pending: { value: string; since: number; count: number } | undefined;
  #last: Fields = {};
  #newest = 0;
  /** The second of the last point, that may lack the field. */
  #clock = 0;
  #isSilent = false;
  /** The interval that is open: the state in each of its seconds, and since when that is final. */
  #interval: { start: number; seconds: Map<number, string>; final: number } | undefined;

  constructor(use: Use) {
    this.#use = use;
  }

  /** What is due at a second without a point. */
  tick(now: number): void {
    const { clock, hold = 0, every, silentAfter, totalsEvery } = this.#use;
    if (totalsEvery !== undefined && now % totalsEvery === 0) this.closeInterval(now);
    if (!this.#current) return;
    if (silentAfter !== undefined && !this.#isSilent && now >= this.#newest + silentAfter) {
      this.#isSilent = true;
      this.#final(now);
      this.#show(now, this.#last, { silent: true });
    }
    if (clock === 'event' || this.#isSilent) return;
    if (this.#pending && now >= this.#pending.since + hold) this.#accept(now, this.#last);
    const { emitted } = this.#current;
    if (every !== undefined && !this.#pending && emitted !== null && now >= emitted + every) {
      this.#current.emitted = now;
      this.#show(now, this.#last);
    }
  }

  point(now: number, value: string | undefined, fields: Fields): void {
    this.#clock = now;
    if (value === undefined) return;
    const { hold, every, to = [], emitFirst = true, isNewMarked = false } = this.#use;
    const shown = this.out.length;
    this.#last = fields;
    this.#newest = now;
    if (!this.#current) {
      const isWanted = to.length === 0 || to.includes(value);
      this.#current = { value, since: now, count: 1, emitted: isWanted ? now : null };
      if (isNewMarked || (isWanted && emitFirst)) this.#show(now, fields, { new: true });
    } else if (value === this.#current.value) {
      this.#current.count += 1 + (this.#pending?.count ?? 0);
      this.#pending = undefined;
      const { emitted } = this.#current;
      if (every !== undefined && emitted !== null && now - emitted >= every) this.#repeat(now, fields);
    } else {
      if (this.#pending?.value !== value) {
        this.#current.count += this.#pending?.count ?? 0;
        this.#pending = { value, since: now, count: 0 };
      }
      this.#pending.count++;
      if (hold === undefined || now - this.#pending.since >= hold) this.#accept(now, fields);
    }
    if (this.#isSilent) {
      this.#isSilent = false;
      this.#final(now);
      if (this.out.length === shown) this.#repeat(now, fields);
    }
    this.#open(now);
  }

  /** To be called when a second is over. */
  pass(now: number): void {
    if (this.#current && !this.#isSilent) this.#interval?.seconds.set(now, this.#current.value);
  }

  closeInterval(now: number): void {
    if (!this.#interval) return;
    const { start, seconds } = this.#interval;
    for (const state of new Set(seconds.values())) {
      const total = [...seconds].filter(([second, one]) => one === state && second < now).length;
      if (total > 0) this.out.push({ time: start, state, fields: { total } });
    }
    this.#interval = undefined;
    if (!this.#isSilent) this.#open(now);
  }

  /** The second up to which the group is known, in the time of the points. */
  get known(): number {
    return Math.max(this.#clock, this.#interval?.final ?? 0);
  }

  #open(now: number): void {
    const { totalsEvery } = this.#use;
    if (totalsEvery === undefined) return;
    this.#interval ??= { start: now - (now % totalsEvery), seconds: new Map(), final: now };
  }

  #final(now: number): void {
    if (this.#interval) this.#interval.final = now;
  }

  #repeat(now: number, fields: Fields): void {
    const { emitted } = this.#current!; // called with a state
    if (emitted !== null) this.#current!.emitted = now;
    this.#show(now, fields);
  }

  /** The pending state has held: the time since it began is its own. */
  #accept(now: number, fields: Fields): void {
    const { value, since, count } = this.#pending!; // called with one
    const old = this.#current!;
    const { clock, to = [] } = this.#use;
    const isWanted = to.length === 0 || to.includes(value);
    this.#pending = undefined;
    const emitted = isWanted ? (clock === 'wall' ? now : since) : null;
    this.#current = { value, since, count, emitted };
    const interval = this.#interval;
    if (interval) {
      for (let at = Math.max(since, interval.final); at < now; at++) {
        if (interval.seconds.has(at)) interval.seconds.set(at, value);
      }
    }
    const ended = { was: old.value, lasted: since - old.since, points: BigInt(old.count) };
    if (isWanted) this.#show(since, fields, { ended });
  }

  #show(
    time: number,
    fields: Fields,
    {
      silent = false,
      new: isNew = false,
      ended = {},
    }: { silent?: boolean; new?: boolean; ended?: Fields } = {},
  ): void {
    const { silentAfter, isNewMarked = false } = this.#use;
    const marks = { ...(silentAfter !== undefined && { silent }), ...(isNewMarked && { new: isNew }) };
    this.out.push({
      time,
      state: undefined,
      fields: { ...fields, now: this.#current!.value, ...ended, ...marks }, // called with a state
    });
  }
}

/** What comes out of all groups, as the model works it out; the last seconds bring no point. */
function expected(use: Use, steps: readonly Step[], rest: number): Map<string, Shown[]> {
  const models = new Map(groups.map((group) => [group, new Model(use)]));
  let next = 0;
  let at = 0;
  const times = steps.map(({ wait }) => (at += wait));
  const end = use.clock === 'wall' ? at + rest : at;
  for (let now = 0; now <= end; now++) {
    for (const model of models.values()) model.tick(now);
    for (; times[next] === now; next++) {
      const { group, value } = steps[next]!;
      models.get(group)!.point(now, value, value === undefined ? {} : { value, n: next });
    }
    if (now < end) for (const model of models.values()) model.pass(now);
  }
  for (const model of models.values()) model.closeInterval(use.clock === 'wall' ? end : model.known);
  return new Map([...models].map(([group, { out }]) => [group, out]));
}

const groups = ['a', 'b'];

/** Runs the UDF, which is restarted from its snapshot before the step at `cut`. */
async function run(use: Use, steps: readonly Step[], rest: number, cut = -1): Promise<Map<string, Shown[]>> {
  const { hold, every, silentAfter, totalsEvery, isNewMarked, ...plain } = use;
  const durations = Object.fromEntries(
    Object.entries({ hold, every, silentAfter, totalsEvery })
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, BigInt(value!) * second]),
  );
  const outputs = { as: 'now', previousAs: 'was', durationAs: 'lasted', countAs: 'points' };
  const options = {
    field: 'value',
    ...outputs,
    ...plain,
    ...durations,
    ...(isNewMarked && { newAs: 'new' }),
  };
  let udf: UdfRun = await runUdf(edgeDetect, { options, now: 0n });
  const points: Point[] = [];
  let time = 0n;
  for (const [index, { wait, group, value }] of steps.entries()) {
    if (index === cut) udf = await udf.restart();
    points.push(...(await udf.advance(BigInt(wait) * second)).points);
    time += BigInt(wait) * second;
    const fields = value === undefined ? { n: index } : { value, n: index };
    const point = {
      name: 'm',
      time,
      group: `host=${group}`,
      dimensions: ['host'],
      tags: { host: group },
      fields,
    };
    points.push(...(await udf.send([point])).points);
  }
  points.push(...(await udf.advance(BigInt(rest) * second)).points);
  const before = udf.points.length;
  points.push(...(await udf.stop()).points.slice(before));
  return new Map(
    groups.map((group) => [
      group,
      points
        .filter(({ tags }) => tags.host === group)
        .map((point) => ({
          time: Number(point.time / second),
          state: point.tag('state'),
          fields: point.fields,
        })),
    ]),
  );
}

/** In order of time; the totals of an interval, which have the time of its start, in the order of its states. */
function sorted(shown: ReadonlyMap<string, readonly Shown[]>): Record<string, unknown> {
  const key = ({ time, state = '', fields }: Shown): string => {
    const texts = Object.entries(fields).map((field) => field.map(String).join('='));
    return `${String(time).padStart(6, '0')} ${state} ${texts.sort().join()}`;
  };
  return Object.fromEntries(
    [...shown].map(([group, all]) => [group, [...all].sort((a, b) => (key(a) < key(b) ? -1 : 1))]),
  );
}

const seconds = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max });
const anyUse: fc.Arbitrary<Use> = fc.record(
  {
    clock: fc.constantFrom('event', 'wall'),
    hold: seconds(12),
    every: seconds(12),
    silentAfter: seconds(15),
    totalsEvery: seconds(20),
    to: fc.subarray(['A', 'B', 'C']),
  },
  { requiredKeys: ['clock', 'every'] },
);
const quietUse = anyUse.map((use): Use => ({ ...use, emitFirst: false }));
const markedUse = anyUse.map((use): Use => ({ ...use, isNewMarked: true }));
const anySteps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    wait: fc.oneof(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 40 })),
    group: fc.constantFrom(...groups),
    value: fc.constantFrom('A', 'A', 'B', 'B', 'C', undefined),
  }),
  { maxLength: 40 },
);

describe('edgeDetect, with hold, every, silence, new groups and totals by either clock,', () => {
  it('emits what a model works out second by second', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(anyUse, quietUse, markedUse),
        anySteps,
        fc.nat(60),
        async (use, steps, rest) => {
          expect(sorted(await run(use, steps, rest))).toEqual(sorted(expected(use, steps, rest)));
        },
      ),
      { numRuns: 120 },
    );
  });

  it('emits the same, in the same order, when it is ended and restored in between', async () => {
    await fc.assert(
      fc.asyncProperty(anyUse, anySteps, fc.nat(60), fc.nat(40), async (use, steps, rest, cut) => {
        expect(await run(use, steps, rest, cut)).toEqual(await run(use, steps, rest));
      }),
      { numRuns: 60 },
    );
  });
});
