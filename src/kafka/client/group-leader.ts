import type { Cluster } from './cluster.js';
import { assignPartitions, decodeSubscription, encodeAssignment } from './group-protocol.js';

/** A member as its group's leader gets it: with its encoded subscription. */
export interface JoinedMember {
  readonly memberId: string;
  readonly metadata: Buffer | null;
}

/** A member's partitions, encoded. */
export interface MemberAssignment {
  readonly memberId: string;
  readonly assignment: Buffer;
}

/**
 * Assigns the partitions of all topics of a group to its members, as its leader does. Rejects with a `BrokerError`, and with
 * `RangeError` for a subscription that is cut.
 */
export async function assignGroup(
  cluster: Pick<Cluster, 'topics'>,
  members: readonly JoinedMember[],
): Promise<MemberAssignment[]> {
  const subscriptions = new Map(
    members.map(({ memberId, metadata }) => [memberId, decodeSubscription(metadata ?? Buffer.alloc(0))]),
  );
  const topics = new Set([...subscriptions.values()].flatMap((member) => member.topics));
  const infos = await cluster.topics([...topics]);
  const counts = new Map(Array.from(infos, ([topic, { leaders }]) => [topic, leaders.length]));
  return Array.from(assignPartitions(counts, subscriptions), ([memberId, assigned]) => ({
    memberId,
    assignment: encodeAssignment(assigned),
  }));
}
