import { isDeepStrictEqual } from 'node:util';
import { serialize } from 'node:v8';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GroupTable } from '../../../src/agent/state/table.js';
import { UdfError } from '../../../src/model/errors.js';
import { GroupPartWriter, restoreGroups } from '../../../src/agent/state/group-part.js';
import { areColumns } from '../../../src/agent/state/columns-format-1.js';
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

/** Converts no state. */
const asTheyAre = { convert: (state: unknown) => state, migrates: false };

/** Bytes with their length. */
function block(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return Buffer.concat([length, bytes]);
}

describe('a snapshot', () => {
  test('keeps flat states that are alike, whatever their properties are called and hold', async () => {
    const period = fc.record(
      { start: fc.nat(), cells: fc.array(fc.double()), name: fc.option(fc.string()) },
      { noNullPrototype: true },
    );
    const simple = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.double(),
      fc.bigInt(),
      fc.boolean(),
      fc.constantFrom(null, undefined),
      fc.array(fc.double()),
      fc.array(fc.oneof(fc.double(), fc.string(), fc.constant(undefined))),
      fc.option(fc.array(fc.option(fc.array(fc.double()), { nil: undefined }))),
      fc.array(period),
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

  const oneOf = (...values: readonly unknown[]): (() => unknown) => {
    let at = 0;
    return () => values[at++ % values.length];
  };

  test.each<[string, (group: number) => unknown]>([
    ['whole numbers of one byte', oneOf(0, 255, 7)],
    ['whole numbers of two bytes', oneOf(-1, 65_534)],
    ['whole numbers of four bytes', oneOf(-(2 ** 31), 2 ** 31 - 1)],
    ['numbers beyond', oneOf(2 ** 31, 1)],
    ['negative zero', oneOf(0, -0, null)],
    ['any doubles', oneOf(0.1, NaN, -0, Infinity)],
    ['bigints of 64 bits', oneOf(-(2n ** 63n), 2n ** 63n - 1n)],
    ['larger bigints', oneOf(2n ** 63n, 1n)],
    ['few texts', oneOf('SHOWTIME', 'TRAINING', undefined)],
    ['nested objects', () => ({ clock: { seconds: 1, nanos: 0.5 }, list: [1] })],
    ['nested objects of other shapes', oneOf({ a: 1 }, { b: 1 })],
    ['arrays of texts', (count) => ['a', `b${count}`]],
    [
      'arrays of objects',
      (count) => Array.from({ length: count % 3 }, (_, index) => ({ index, cells: [0.5] })),
    ],
    ['arrays of arrays', (count) => [[count], [], [1, 2]]],
    ['empty arrays beside others', (count) => (count % 3 === 1 ? ['a'] : [])],
    ['objects that some states lack', (count) => (count % 3 === 0 ? undefined : { points: count })],
    ['arrays that are null in some states', (count) => (count % 3 === 1 ? null : [`${count}`])],
    ['objects and texts', (count) => (count % 2 === 0 ? { count } : 'text')],
    ['dates in arrays', () => [new Date(1)]],
    ['typed arrays', () => BigInt64Array.of(1n, -1n)],
    ['typed arrays of several types', oneOf(Int8Array.of(1), Int16Array.of(1))],
    ['parts of buffers', () => new Uint8Array(new ArrayBuffer(8), 2, 3)],
    ['buffers of Node.js', () => Buffer.from('abc')],
  ])('keeps %s', async (_what, value) => {
    let created = 0;
    const groups = new GroupTable(() => ({ value: value(created++) }));
    for (let group = 0; group < 300; group++) groups.findOrCreate(Buffer.from(`${group + 100}`), 0, 3);
    const again = new GroupTable(() => 'not restored');
    const owner = snapshotOwner();
    await readSnapshot(owner, again, Buffer.concat((await writeSnapshot(owner, groups, Infinity)).pieces));
    expect([...again.entries()]).toStrictEqual([...groups.entries()]);
  });

  test('keeps one typed array that stands in two groups one array', async () => {
    const shared = Float64Array.of(1);
    const groups = new GroupTable(() => ({ shared }));
    for (const name of ['a', 'b']) groups.findOrCreate(Buffer.from(name), 0, 1);
    const again = new GroupTable(() => 'not restored');
    const owner = snapshotOwner();
    await readSnapshot(owner, again, Buffer.concat((await writeSnapshot(owner, groups, Infinity)).pieces));
    const [a, b] = [...again.entries()].map(([, state]) => (state as { shared: unknown }).shared);
    expect(a).toBe(b);
  });

  test('of groups with changed bytes is refused or read, in little time and memory', () => {
    let count = 0;
    const groups = new GroupTable(() => ({
      n: 1,
      f: 0.5,
      b: 1n,
      t: 'x',
      l: [0.5, 1],
      a: Int8Array.of(1),
      o: { p: 1 },
      e: ['x', 1],
      s: [{ p: 1 }, { p: 2 }],
      m: count++ % 2 === 0 ? undefined : [null, 'x'],
    }));
    for (let group = 0; group < 20; group++) groups.findOrCreate(Buffer.from(`${group + 10}`), 0, 2);
    const part = new GroupPartWriter(groups).write([...groups.indexes()]);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(part.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.nat(part.length),
        fc.boolean(),
        (changes, length, isCut) => {
          const changed = Buffer.from(isCut ? part.subarray(0, length) : part);
          for (const [at, byte] of changes) if (at < changed.length) changed[at] = byte;
          const again = new GroupTable(() => 'not restored');
          try {
            expect(restoreGroups(4, changed, again, 20, asTheyAre)).toBeLessThanOrEqual(20);
            for (const index of again.indexes()) again.state(index);
          } catch (reason) {
            expect(reason).toBeInstanceOf(UdfError);
            expect((reason as UdfError).code).toMatch(/^snapshot_(damaged|newer)$/);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('of objects in objects without end is refused', () => {
    const level = Buffer.concat([Buffer.of(7), block(serialize(['a']))]);
    const head = Buffer.of(1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 103, 0); // one group, called g, without a time
    const part = (depth: number): Buffer =>
      Buffer.concat([head, ...Array<Buffer>(depth).fill(level), Buffer.of(1, 1, 0, 0, 0, 0, 5)]);
    const restore = (bytes: Buffer): unknown => {
      const groups = new GroupTable(() => 'not restored');
      restoreGroups(2, bytes, groups, 1, asTheyAre);
      return groups.state(0);
    };
    expect(restore(part(2))).toEqual({ a: { a: 5 } });
    expect(() => restore(part(1000))).toThrow('the snapshot is damaged');
  });

  test.each([
    ['arrays in arrays', Buffer.of(8, 0, 1, 1, 0, 0, 0, 0)],
    ['optional values in optional values', Buffer.of(9, 2)],
  ])('of %s without end is refused', (_what, level) => {
    const head = Buffer.of(1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 103, 0); // as above
    const part = Buffer.concat([head, ...Array<Buffer>(1000).fill(level), Buffer.of(1, 1, 0, 0, 0, 0, 5)]);
    const groups = new GroupTable(() => 'not restored');
    expect(() => restoreGroups(4, part, groups, 1, asTheyAre)).toThrow('the snapshot is damaged');
  });

  test('has the oldest format that can hold its states: older versions can read most', async () => {
    const formatOf = async (state: object): Promise<number> => {
      const groups = new GroupTable(() => state);
      groups.findOrCreate(Buffer.from('g'), 0, 1);
      return Buffer.concat((await writeSnapshot(snapshotOwner(), groups, Infinity)).pieces)[4]!;
    };
    expect(await formatOf({ a: 1, b: [1], c: 'text', d: { e: null } })).toBe(2);
    expect(await formatOf({ a: new Map() })).toBe(2);
    expect(await formatOf({ a: ['text'] })).toBe(4);
  });

  test.each([
    ['hold a list of objects', (index: number) => ({ periods: [{ start: index, cells: [0.5] }] })],
    [
      'hold an object or none',
      (index: number) => ({ late: index % 9 === 0 ? { points: index } : undefined }),
    ],
  ])('takes less than 40 bytes for each of states that %s', async (_what, state) => {
    let count = 0;
    const groups = new GroupTable(() => state(count++));
    for (let index = 0; index < 1000; index++) groups.findOrCreate(Buffer.from(`${index + 1000}`), 0, 4);
    const { size } = await writeSnapshot(snapshotOwner(), groups, Infinity);
    expect(size / 1000).toBeLessThan(40);
  });

  test('takes two thirds of the bytes when states are flat and alike', async () => {
    const sizeOf = async (state: (index: number) => object): Promise<number> => {
      let count = 0;
      const groups = new GroupTable(() => state(count++));
      for (let index = 0; index < 100; index++) groups.findOrCreate(Buffer.from(`g${index + 100}`), 0, 4);
      return (await writeSnapshot(snapshotOwner(), groups, Infinity)).size;
    };
    const flat = await sizeOf((since) => ({ value: 'SHOWTIME', since, count: 1 }));
    const mixed = await sizeOf((since) => ({ [`value${since % 2}`]: 'SHOWTIME', since, count: 1 }));
    expect(flat).toBeLessThan(mixed / 1.5);
  });
});
