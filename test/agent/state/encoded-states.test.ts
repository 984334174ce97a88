import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EncodedStates } from '../../../src/agent/state/encoded-states.js';
import { readSnapshot, type SnapshotOwner, writeSnapshot } from '../../../src/agent/state/snapshot.js';
import { type GroupExpiry, GroupTable } from '../../../src/agent/state/table.js';

const owner: SnapshotOwner = {
  name: 'keeper',
  version: 1,
  migrate: undefined,
  isState: undefined,
  options: {},
  defaults: {},
  checkState: () => undefined,
  inspect: () => undefined,
};

interface Counted {
  count: number;
  list: number[];
}

function indexOf(groups: GroupTable, group: number): number {
  const name = Buffer.from(`group ${group}`);
  return groups.findOrCreate(name, 0, name.length);
}

function stateOf(groups: GroupTable, group: number): Counted {
  return groups.state(indexOf(groups, group)) as Counted;
}

async function bytesOf(groups: GroupTable): Promise<Buffer> {
  return Buffer.concat((await writeSnapshot(owner, groups, Infinity)).pieces);
}

/** A snapshot of groups that count from 0. */
async function snapshotOf(count: number): Promise<Buffer> {
  let next = 0;
  const groups = new GroupTable((): Counted => ({ count: next, list: [next++ + 0.5] }));
  for (let group = 0; group < count; group++) indexOf(groups, group);
  return bytesOf(groups);
}

async function restored(
  snapshot: Buffer,
  expiry: GroupExpiry = {},
  use: SnapshotOwner = owner,
): Promise<GroupTable> {
  const groups = new GroupTable(() => ({ count: -1, list: [] }), expiry);
  expect(await readSnapshot(use, groups, snapshot)).toEqual([]);
  return groups;
}

describe('a restored state', () => {
  test('is one object from its first use on, and no other group has it', async () => {
    const groups = await restored(await snapshotOf(3));
    const state = stateOf(groups, 1);
    state.count = 100;
    state.list.push(7);
    expect(stateOf(groups, 1)).toBe(state);
    expect([stateOf(groups, 0), stateOf(groups, 1), stateOf(groups, 2)]).toEqual([
      { count: 0, list: [0.5] },
      { count: 100, list: [1.5, 7] },
      { count: 2, list: [2.5] },
    ]);
  });

  test('may be replaced before its first use', async () => {
    const groups = await restored(await snapshotOf(2));
    groups.setState(indexOf(groups, 0), { count: 7, list: [] });
    expect([stateOf(groups, 0).count, stateOf(groups, 1).count]).toEqual([7, 1]);
  });

  test('is in the next snapshot, used or not', async () => {
    const groups = await restored(await snapshotOf(5000));
    for (let group = 0; group < 5000; group += 3) stateOf(groups, group).count += 0.25;
    const again = await restored(await bytesOf(groups));
    for (let group = 0; group < 5000; group++) {
      expect(stateOf(again, group)).toEqual({
        count: group + (group % 3 === 0 ? 0.25 : 0),
        list: [group + 0.5],
      });
    }
  });

  test('is gone when its group expires, and the group starts afresh', async () => {
    const groups = await restored(await snapshotOf(100), { max: 10 });
    expect(groups.size).toBe(10);
    expect(stateOf(groups, 99).count).toBe(99);
    expect(stateOf(groups, 3).count).toBe(-1);
  });

  test('is gone when another snapshot is restored', async () => {
    const groups = await restored(await snapshotOf(100));
    groups.clear();
    await readSnapshot(owner, groups, await snapshotOf(2));
    expect([stateOf(groups, 1).count, stateOf(groups, 50).count]).toEqual([1, -1]);
  });

  test('is the migrated one, even if migrate changes the old state in place', async () => {
    const migrate = (old: unknown): unknown => Object.assign(old as Counted, { count: 1000 });
    const groups = await restored(await snapshotOf(2), {}, { ...owner, version: 2, migrate });
    expect(stateOf(groups, 1)).toEqual({ count: 1000, list: [1.5] });
  });

  test('is checked at the restore, not at its first use', async () => {
    const isState = (state: unknown): boolean => (state as Counted).count !== 4999;
    const groups = new GroupTable(() => ({}));
    await expect(readSnapshot({ ...owner, isState }, groups, await snapshotOf(5000))).rejects.toThrow(
      'the state of group "group 4999" is impossible',
    );
  });
});

describe('encoded states', () => {
  test('keep a column until the last of its states is dropped', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 8 }), (counts) => {
        const states = new EncodedStates();
        const groups: { readonly text: string; readonly index: number }[] = [];
        for (const [column, count] of counts.entries()) {
          const first = states.add((index) => `${column}.${index}`, count);
          for (let index = 0; index < count; index++) {
            states.set(groups.length, first + index);
            groups.push({ text: `${column}.${index}`, index: groups.length });
          }
        }
        while (groups.length > 0) {
          for (const { text, index } of groups) expect(states.decode(index)).toBe(text);
          states.drop(groups.splice(groups.length >> 1, 1)[0]!.index);
        }
        expect(states.columns).toBe(0);
      }),
    );
  });
});
