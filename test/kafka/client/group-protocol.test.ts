import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  assignPartitions,
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
  type Subscription,
} from '../../../src/kafka/client/group-protocol.js';
import { partitionKey, type TopicPartition } from '../../../src/kafka/client/requests.js';

const name = fc.stringMatching(/^[a-z]{1,8}$/);
const partition = fc.record({ topic: name, partition: fc.nat(1000) });
const unique = fc.uniqueArray(partition, { selector: partitionKey, maxLength: 30 });
const sorted = (list: readonly TopicPartition[]) => list.map(partitionKey).sort();

describe('messages of members', () => {
  test('are decoded as they were encoded', () => {
    fc.assert(
      fc.property(fc.array(name), unique, fc.integer({ min: -1, max: 1e6 }), (topics, owned, generation) => {
        const decoded = decodeSubscription(encodeSubscription({ topics, owned, generation }));
        expect({ ...decoded, owned: sorted(decoded.owned) }).toEqual({
          topics,
          owned: sorted(owned),
          generation,
        });
        expect(sorted(decodeAssignment(encodeAssignment(owned)))).toEqual(sorted(owned));
      }),
    );
  });

  test('that are cut throw, and never loop', () => {
    fc.assert(
      fc.property(unique, fc.nat(), (owned, at) => {
        const bytes = encodeSubscription({ topics: ['t'], owned, generation: 1 });
        expect(() => decodeSubscription(bytes.subarray(0, at % bytes.length))).toThrow(RangeError);
      }),
    );
  });
});

describe('an assignment', () => {
  const all = (topics: ReadonlyMap<string, number>): TopicPartition[] =>
    [...topics].flatMap(([topic, count]) =>
      Array.from({ length: count }, (_none, number) => ({ topic, partition: number })),
    );

  /** Assigns until nothing moves, as members do: each gives up what it is not assigned, then joins again. */
  function settle(
    topics: ReadonlyMap<string, number>,
    ids: readonly string[],
    owned: Map<string, readonly TopicPartition[]>,
  ) {
    for (let generation = 1; generation < 5; generation++) {
      const members = new Map(
        ids.map((id): [string, Subscription] => [
          id,
          { topics: [...topics.keys()], owned: owned.get(id) ?? [], generation },
        ]),
      );
      const assigned = assignPartitions(topics, members);
      const owners = new Map(
        ids.flatMap((id) => (owned.get(id) ?? []).map((each) => [partitionKey(each), id] as const)),
      );
      for (const [id, list] of assigned) {
        // Nothing is assigned that another member may still be working on.
        for (const each of list) expect(owners.get(partitionKey(each)) ?? id).toBe(id);
      }
      const isStable = ids.every(
        (id) => sorted(owned.get(id) ?? []).join() === sorted(assigned.get(id)!).join(),
      );
      owned = new Map(assigned);
      if (isStable) return owned;
    }
    throw new Error('it does not settle');
  }

  const topics = fc
    .dictionary(name, fc.nat(20), { minKeys: 1, maxKeys: 3 })
    .map((counts) => new Map(Object.entries(counts)));

  test('gives every partition to one member, evenly, and moves none while its owner has it', () => {
    fc.assert(
      fc.property(
        topics,
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 6 }),
        (counts, before, after) => {
          const ids = (count: number) => Array.from({ length: count }, (_none, index) => `member-${index}`);
          let owned = settle(counts, ids(before), new Map());
          const initial = owned;
          owned = settle(counts, ids(after), new Map([...owned].filter(([id]) => ids(after).includes(id))));
          expect(sorted([...owned.values()].flat())).toEqual(sorted(all(counts)));
          for (const [topic, count] of counts) {
            const sizes = [...owned.values()].map(
              (list) => list.filter((each) => each.topic === topic).length,
            );
            expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
            // Members that stay keep as much as is even.
            for (const id of ids(Math.min(before, after))) {
              const had = initial.get(id)!.filter((each) => each.topic === topic);
              const kept = owned
                .get(id)!
                .filter((each) => had.some((other) => partitionKey(other) === partitionKey(each)));
              expect(kept.length).toBeGreaterThanOrEqual(Math.min(had.length, Math.floor(count / after)));
            }
          }
        },
      ),
    );
  });

  test('believes the newer of two members that claim the same partition', () => {
    const claim = { topics: ['t'], owned: [{ topic: 't', partition: 0 }] };
    const members = new Map([
      ['old', { ...claim, generation: 3 }],
      ['new', { ...claim, generation: 4 }],
    ]);
    expect(assignPartitions(new Map([['t', 1]]), members).get('new')).toEqual(claim.owned);
  });

  test('gives a topic only to members that read it', () => {
    const member = (...read: string[]): Subscription => ({ topics: read, owned: [], generation: -1 });
    const members = new Map([
      ['one', member('a')],
      ['two', member('a', 'b')],
    ]);
    const assigned = assignPartitions(new Map([['a', 2], ['b', 2]]), members); // prettier-ignore
    expect(assigned.get('one')!.map(({ topic }) => topic)).toEqual(['a']);
    expect(assigned.get('two')!.map(({ topic }) => topic)).toEqual(['a', 'b', 'b']);
  });
});
