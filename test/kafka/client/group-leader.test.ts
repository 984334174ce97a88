import { expect, test } from 'vitest';
import { assignGroup } from '../../../src/kafka/client/group-leader.js';
import { decodeAssignment, encodeSubscription } from '../../../src/kafka/client/group-protocol.js';

const clusterOf = (partitions: number) => ({
  topics: (names: readonly string[]) =>
    Promise.resolve(new Map(names.map((name) => [name, { leaders: new Array<number>(partitions).fill(1) }]))),
});

test('the leader of a group divides all partitions of its topics among the members', async () => {
  const metadata = encodeSubscription({ topics: ['in', 'keyed'], owned: [], generation: -1 });
  const members = ['a', 'b'].map((memberId) => ({ memberId, metadata }));
  const assigned = await assignGroup(clusterOf(3), members);
  expect(assigned.map(({ memberId }) => memberId).sort()).toEqual(['a', 'b']);
  const parts = assigned.map(({ assignment }) => decodeAssignment(assignment));
  expect(parts.map(({ length }) => length)).toEqual([3, 3]);
  expect(
    parts
      .flat()
      .map(({ topic, partition }) => `${topic} ${partition}`)
      .sort(),
  ).toEqual(['in 0', 'in 1', 'in 2', 'keyed 0', 'keyed 1', 'keyed 2']);
});

test('a subscription that is cut makes the assignment fail', async () => {
  await expect(assignGroup(clusterOf(1), [{ memberId: 'a', metadata: null }])).rejects.toThrow(RangeError);
});
