import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GroupTable } from '../../../src/agent/state/table.js';
import { areColumns } from '../../../src/agent/state/columns.js';
import { readSnapshot, type SnapshotOwner, writeSnapshot } from '../../../src/agent/state/snapshot.js';

function snapshotOwner(): SnapshotOwner {
  return {
    name: 'keeper',
    version: 1,
    migrate: undefined,
    isState: undefined,
    options: {},
    defaults: {},
    checkState: () => undefined,
    inspect: () => undefined,
  };
}

describe('a snapshot', () => {
  test('keeps flat states that are alike, whatever their properties are called and hold', async () => {
    const simple = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.double(),
      fc.bigInt(),
      fc.boolean(),
      fc.constantFrom(null, undefined),
      fc.array(fc.double()),
      fc.array(fc.oneof(fc.double(), fc.string(), fc.constant(undefined))),
    );
    const states = fc
      .uniqueArray(fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', '0')), { maxLength: 5 })
      .chain((keys) => {
        const state = fc
          .tuple(...keys.map(() => simple))
          .map((values) => Object.fromEntries(keys.map((key, index) => [key, values[index]])));
        return fc.array(state, { minLength: 1, maxLength: 5 });
      });
    await fc.assert(
      fc.asyncProperty(states, fc.boolean(), async (given, expires) => {
        const create = given.values();
        const groups = new GroupTable(() => create.next().value, expires ? { max: 100 } : {});
        for (const [index] of given.entries()) {
          const group = groups.findOrCreate(Buffer.from(`group ${index}`), 0, 7);
          if (expires && index % 2 === 0) groups.touch(group, BigInt(index));
        }
        const again = new GroupTable(() => 'not restored', expires ? { max: 100 } : {});
        const owner = snapshotOwner();
        const { pieces } = await writeSnapshot(owner, groups, Infinity);
        await readSnapshot(owner, again, Buffer.concat(pieces));
        // Not `toStrictEqual`, which takes a property called `constructor` for a class.
        expect(isDeepStrictEqual([...again.entries()], [...groups.entries()])).toBe(true);
      }),
    );
  });

  test.each([
    ['have a property more', [{ a: 1 }, { a: 1, b: 2 }]],
    ['have other properties', [{ a: undefined }, { b: undefined }]],
    [
      'have theirs in another order',
      [
        { a: 1, b: 2 },
        { b: 2, a: 1 },
      ],
    ],
    ['are no plain objects', [new Map([['a', 1]]), { a: 1 }]],
    ['are arrays', [[1], [2]]],
    [
      'hold arrays of numbers',
      [
        { a: [1, 0.5, -0, NaN], b: [] },
        { a: [], b: [Infinity] },
      ],
    ],
    ['hold arrays of other things', [{ a: [1, 2] }, { a: [1, 'text', null] }]],
    ['hold arrays with holes', [{ a: [1, 2] }, { a: [1, , 2] }]],
    ['hold arrays with properties', [{ a: Object.assign([1], { unit: 's' }) }]],
    ['are dates', [new Date(1), new Date(2)]],
    ['are numbers', [1, 2]],
  ])('keeps states that %s', async (_what, given) => {
    const create = given.values();
    const groups = new GroupTable(() => create.next().value);
    for (const index of given.keys()) groups.findOrCreate(Buffer.from(`group ${index}`), 0, 7);
    const again = new GroupTable(() => 'not restored');
    const owner = snapshotOwner();
    await readSnapshot(owner, again, Buffer.concat((await writeSnapshot(owner, groups, Infinity)).pieces));
    const states = [...again.entries()].map(([, state]) => state);
    expect(states).toStrictEqual(given);
    expect(states.map((state) => Object.keys(state as object))).toEqual(
      given.map((state) => Object.keys(state)),
    );
  });

  test('keeps one array that stands in two places one array', async () => {
    const shared = [1, 2];
    const groups = new GroupTable(() => ({ a: shared, b: shared }));
    groups.findOrCreate(Buffer.from('group'), 0, 5);
    const again = new GroupTable(() => 'not restored');
    const owner = snapshotOwner();
    await readSnapshot(owner, again, Buffer.concat((await writeSnapshot(owner, groups, Infinity)).pieces));
    const [[, state] = []] = again.entries() as Iterable<[string, { a: number[]; b: number[] }]>;
    expect(state?.a).toBe(state?.b);
  });

  test('whose columns do not fit each other is damaged', () => {
    const whole = { names: ['g', 'h'], times: undefined, keys: ['a'], values: [[1, 2]] };
    expect(areColumns(whole, 100)).toBe(true);
    for (const part of [
      { ...whole, names: [] },
      { ...whole, names: 'gh' },
      { ...whole, times: [1n] },
      { ...whole, keys: ['a', 'b'] },
      { ...whole, values: [[1]] },
      { ...whole, values: [1] },
      { ...whole, values: [{ lengths: Uint32Array.of(1), numbers: Float64Array.of(1) }] },
      { ...whole, values: [{ lengths: Uint32Array.of(1, 2), numbers: Float64Array.of(1, 2) }] },
      { ...whole, values: [{ lengths: Uint32Array.of(1, 1), numbers: [1, 2] }] },
      [],
      null,
      { ...whole, keys: [1] },
      { ...whole, names: new Array(1e9), values: [new Array(1e9)] },
    ]) {
      expect(areColumns(part, 100)).toBe(false);
    }
  });

  test('takes two thirds of the bytes when states are flat and alike', async () => {
    const sizeOf = async (state: (index: number) => object): Promise<number> => {
      let count = 0;
      const groups = new GroupTable(() => state(count++));
      for (let index = 0; index < 100; index++) groups.findOrCreate(Buffer.from(`g${index + 100}`), 0, 4);
      return (await writeSnapshot(snapshotOwner(), groups, Infinity)).size;
    };
    const flat = await sizeOf((since) => ({ value: 'SHOWTIME', since, count: 1 }));
    const nested = await sizeOf((since) => ({ value: ['SHOWTIME'], since, count: 1 }));
    expect(flat).toBeLessThan(nested / 1.5);
  });
});
