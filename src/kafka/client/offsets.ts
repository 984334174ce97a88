import type { Cluster } from './cluster.js';
import { BrokerError } from './broker-error.js';
import type { TopicPartition } from './requests.js';

export interface CommittedOffset {
  /** -1 if none is committed. */
  readonly offset: number;
  readonly metadata: string;
}

/**
 * The offset that a consumer group has committed for a partition, without those of open transactions: rejects with
 * `UNSTABLE_OFFSET_COMMIT`, a `BrokerError`, while there are some.
 */
export async function committedOffset(
  cluster: Cluster,
  groupId: string,
  { topic, partition }: TopicPartition,
): Promise<CommittedOffset> {
  const [found] = await committedOffsets(cluster, groupId, topic, [partition], true);
  if (!found) throw new BrokerError('NETWORK', `the offsets of group ${groupId} are missing in the answer`);
  return found;
}

/**
 * The offsets that a consumer group has committed for partitions of a topic. `isStable`: rejects with
 * `UNSTABLE_OFFSET_COMMIT`, a `BrokerError`, while open transactions have others for them.
 */
export async function committedOffsets(
  cluster: Cluster,
  groupId: string,
  topic: string,
  partitions: readonly number[],
  isStable: boolean,
): Promise<readonly CommittedOffset[]> {
  const { offsetFetchV8 } = cluster.library;
  const node = await cluster.coordinator('group', groupId);
  const group = { groupId, memberEpoch: -1, topics: [{ name: topic, partitionIndexes: [...partitions] }] };
  const { groups } = await cluster.call(node, `offsets of group ${groupId}`, offsetFetchV8.api, [
    [group],
    isStable,
  ]);
  const found = groups[0]?.topics[0]?.partitions ?? [];
  return found.map(({ committedOffset: offset, metadata }) => ({
    offset: Number(offset),
    metadata: metadata ?? '',
  }));
}

/** The first offset of a partition, or the one behind its last committed record. Rejects with a `BrokerError`. */
export async function endOffset(
  cluster: Cluster,
  { topic, partition }: TopicPartition,
  end: 'earliest' | 'latest',
): Promise<number> {
  const { listOffsetsV6 } = cluster.library;
  const node = await cluster.leader(topic, partition);
  const timestamp = end === 'earliest' ? -2n : -1n;
  const request = [
    { name: topic, partitions: [{ partitionIndex: partition, currentLeaderEpoch: -1, timestamp }] },
  ];
  const what = `the ${end} offset of ${topic}, partition ${partition}`;
  const { topics } = await cluster.call(node, what, listOffsetsV6.api, [-1, 1, request]);
  const found = topics[0]?.partitions[0];
  if (!found) throw new BrokerError('NETWORK', `${what} is missing in the answer`);
  return Number(found.offset);
}
