import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Fields, FieldValue } from '../../src/model/values.js';
import { outputOf, outputOverRestart } from '../../test/support/udf-runs.js';
import edgeDetect from './edge-detect.js';

/** What the model knows of a use: the options without their defaults. */
interface Use {
  readonly emitFirst?: boolean;
  readonly from?: readonly string[];
  readonly to?: readonly string[];
  readonly hold?: bigint;
  readonly every?: bigint;
  readonly onMissing?: 'skip' | 'change';
  readonly late?: 'drop' | 'process';
  readonly above?: number;
  readonly hysteresis?: number;
}

const outputs = { as: 'now', previousAs: 'was', durationAs: 'lasted', countAs: 'points', unit: '1ns' };

type State = FieldValue | null;

interface Given {
  readonly time: bigint;
  readonly group: string;
  readonly fields: Fields;
}

type Emitted = Pick<Given, 'time' | 'fields'>;

interface Shown {
  readonly time: bigint;
  readonly state: State;
  readonly fields: Fields;
}

/**
 * What edgeDetect emits for one group, worked out the slow way: with all points at hand, looking ahead to see how long
 * each state lasts.
 */
function model(points: readonly Given[], use: Use): Emitted[] {
  const shown = shownStates(points, use);
  const out: Emitted[] = [];
  let index = 0;
  let old: { state: State; since: bigint; count: number } | undefined;
  let lastEmitted: bigint | undefined;

  const begin = (first: number, confirmed: number): void => {
    const since = shown[first]!.time;
    const { state, fields } = shown[confirmed]!;
    const wanted =
      fits(use.to, state) &&
      (old ? fits(use.from, old.state) : use.from === undefined || use.from.length === 0);
    if (wanted && (old || use.emitFirst !== false)) {
      const ended: Fields = old
        ? {
            ...(old.state !== null && { was: old.state }),
            lasted: Number(since - old.since),
            points: BigInt(old.count),
          }
        : {};
      out.push({ time: since, fields: { ...fields, ...(state !== null && { now: state }), ...ended } });
    }
    lastEmitted = wanted ? since : undefined;
    old = { state, since, count: confirmed - first + 1 };
    index = confirmed + 1;
  };

  while (index < shown.length) {
    const { time, state, fields } = shown[index]!;
    if (!old) {
      begin(index, index);
    } else if (equal(state, old.state)) {
      old.count++;
      index++;
      if (use.every !== undefined && lastEmitted !== undefined && time - lastEmitted >= use.every) {
        lastEmitted = time;
        old.state = state; // equal, but 1 may have become 1.0
        out.push({ time, fields: { ...fields, ...(state !== null && { now: state }) } });
      }
    } else {
      let end = index; // of the run of this state
      while (end < shown.length && equal(shown[end]!.state, state)) end++;
      let confirmed = index;
      while (confirmed < end && shown[confirmed]!.time - time < (use.hold ?? -(2n ** 63n))) confirmed++;
      if (confirmed < end) begin(index, confirmed);
      else {
        old.count += end - index;
        index = end;
      }
    }
  }
  return out;
}

/** The states that the points show, without those that are left out. */
function shownStates(points: readonly Given[], use: Use): Shown[] {
  const shown: Shown[] = [];
  let newest: bigint | undefined;
  for (const { time, fields } of points) {
    if (use.late !== 'process') {
      if (newest !== undefined && time < newest) continue;
      newest = time;
    }
    const value = fields.value;
    let state: State | undefined = value;
    if (use.above !== undefined) {
      const number = typeof value === 'number' || typeof value === 'bigint' ? Number(value) : NaN;
      const wasHigh = shown.at(-1)?.state === 'high';
      const threshold = wasHigh ? use.above - (use.hysteresis ?? 0) : use.above;
      state = Number.isNaN(number) ? undefined : number > threshold ? 'high' : 'low';
    }
    if (state === undefined && use.onMissing !== 'change') continue;
    shown.push({ time, state: state ?? null, fields });
  }
  return shown;
}

function equal(a: State, b: State): boolean {
  return text(a) === text(b) && (typeof a !== 'string') === (typeof b !== 'string');
}

function fits(names: readonly string[] | undefined, state: State): boolean {
  return names === undefined || names.length === 0 || names.includes(text(state));
}

/** One text for all spellings of a state; the values used here are small enough for that. */
function text(state: State): string {
  return state === null ? '' : String(state);
}

const value: fc.Arbitrary<FieldValue | undefined> = fc.constantFrom(
  ...[1, 1n, 2n, NaN, true, 'A', 'B', undefined],
);
const number: fc.Arbitrary<FieldValue | undefined> = fc.constantFrom(
  ...[0, 4n, 5, 6, 7n, 8, NaN, 'A', undefined],
);

/** Points of three groups whose times go on, stand still, and now and then go back. */
const points = (
  values: fc.Arbitrary<FieldValue | undefined>,
): fc.Arbitrary<(Given & { readonly name: string })[]> =>
  fc
    .array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: -2, max: 8 }), values), {
      maxLength: 60,
    })
    .map((steps) => {
      let time = 0;
      return steps.map(([group, step, given]) => {
        time += step;
        const fields = given === undefined ? { other: time } : { value: given, other: time };
        return { name: 'm', time: BigInt(time), group, fields };
      });
    });

const contentOf = ({ time, group, fields }: Given): Given => ({ time, group, fields });

const common = {
  emitFirst: fc.boolean(),
  hold: fc.bigInt({ min: 0n, max: 12n }),
  every: fc.bigInt({ min: 1n, max: 12n }),
  onMissing: fc.constantFrom('skip', 'change'),
  late: fc.constantFrom('drop', 'process'),
} as const;

const plainUse = fc.record(
  {
    ...common,
    from: fc.subarray(['1', '2', 'true', 'A', 'NaN', '']),
    to: fc.subarray(['1', '2', 'true', 'A', 'NaN', '']),
  },
  { requiredKeys: [] },
);
const levelUse = fc.record(
  {
    ...common,
    above: fc.constantFrom(5, 6.5),
    hysteresis: fc.constantFrom(0, 1.5, 3),
    from: fc.subarray(['high', 'low']),
    to: fc.subarray(['high', 'low']),
  },
  { requiredKeys: ['above'] },
);

describe('edgeDetect, with any options and points,', () => {
  it.each([
    { what: 'of any values', uses: plainUse, values: value },
    { what: 'above a threshold', uses: levelUse, values: number },
  ])('emits what a naive model works out: $what', async ({ uses, values }) => {
    await fc.assert(
      fc.asyncProperty(uses, points(values), async (use, given) => {
        const result = await outputOf(edgeDetect, { field: 'value', ...outputs, ...use }, given);
        for (const group of ['a', 'b', 'c']) {
          const came = result.points.filter((point) => point.group === group);
          const expected = model(
            given.filter((point) => point.group === group),
            use,
          );
          expect(came.map(({ time, fields }) => ({ time, fields }))).toEqual(expected);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('emits the same when it is ended and restored in between', async () => {
    const uses = fc.oneof(plainUse, levelUse, fc.record({ deadband: fc.constantFrom(0, 1, 2) }));
    const fields = fc.constantFrom('value', ['value', 'other']);
    await fc.assert(
      fc.asyncProperty(uses, fields, points(number), fc.nat(60), async (use, field, given, before) => {
        const options = { field, countAs: 'points', durationAs: 'lasted', ...use };
        const whole = await outputOf(edgeDetect, options, given);
        const parts = [given.slice(0, before), given.slice(before)] as const;
        const cut = await outputOverRestart(edgeDetect, options, ...parts);
        expect(cut.points.map(contentOf)).toEqual(whole.points.map(contentOf));
      }),
      { numRuns: 150 },
    );
  });

  it('continues from the snapshot of a use with other options', async () => {
    const use = fc
      .tuple(
        fc.oneof(plainUse, levelUse),
        fc.constantFrom('value', ['value', 'other'], ['other', 'value', 'a']),
      )
      .map(([given, field]) => ({ ...given, field, durationAs: 'lasted', countAs: 'points' }));
    await fc.assert(
      fc.asyncProperty(use, use, points(value), fc.nat(60), async (was, is, given, before) => {
        const options = { ...is, previousAs: [is.field].flat().map((name) => `${name}_was`) };
        const parts = [given.slice(0, before), given.slice(before)] as const;
        await outputOverRestart(edgeDetect, was, ...parts, options); // rejects if a point fails
      }),
      { numRuns: 150 },
    );
  });
});
