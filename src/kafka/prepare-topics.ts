import { UdfError } from '../model/errors.js';
import { BrokerError } from './client/broker-error.js';
import type { Cluster } from './client/cluster.js';
import { ensureTopic, partitionCount, type TopicSettings } from './client/topics.js';
import { changelogTopic, type TopicNames } from './topic-names.js';

const changelogSettings: TopicSettings = {
  'cleanup.policy': 'compact',
  // The newest segment is never compacted: small ones keep the topic small.
  'segment.bytes': String(64 * 1024 * 1024),
  'segment.ms': String(60 * 60 * 1000),
};
const deletedSettings: TopicSettings = { 'cleanup.policy': 'delete' };

/**
 * Checks the topics of a worker, and creates those of its own: changelog, repartition and dead letters, with the cluster's
 * default of replicas. Resolves with the number of partitions of each topic.
 *
 * Rejects with `invalid_config` for topics that are missing or have an unsuitable number of partitions, `refused` if the
 * brokers refuse to create them, and `connection` if no broker answers.
 */
export async function prepareTopics(
  cluster: Cluster,
  names: TopicNames,
): Promise<ReadonlyMap<string, number>> {
  try {
    return await countPartitions(cluster, names);
  } catch (reason) {
    throw reason instanceof BrokerError ? refused(reason) : reason;
  }
}

async function countPartitions(cluster: Cluster, names: TopicNames): Promise<ReadonlyMap<string, number>> {
  const { from, to, repartition, deadLetterTopic } = names;
  const counts = new Map<string, number>();
  for (const topic of [from, to]) {
    const count = await partitionCount(cluster, topic);
    if (count === undefined)
      throw new UdfError('invalid_config', `there is no topic ${topic}; create it first`);
    counts.set(topic, count);
  }
  const ensure = async (topic: string, settings: TopicSettings, partitions?: number): Promise<number> => {
    const count = await ensureTopic(cluster, topic, settings, partitions);
    counts.set(topic, count);
    return count;
  };
  if (deadLetterTopic !== undefined) await ensure(deadLetterTopic, deletedSettings);
  if (repartition !== undefined) await ensure(repartition, deletedSettings, counts.get(from));
  const changelog = changelogTopic(names);
  const partitions = counts.get(repartition ?? from)!; // was just set
  const found = await ensure(changelog, changelogSettings, partitions);
  if (found !== partitions) {
    throw new UdfError(
      'invalid_config',
      `topic ${changelog} has ${found} partitions, and needs ${partitions}: as many as ${repartition ?? from}; a partition ` +
        'that is added later has groups whose state is in another one',
    );
  }
  return counts;
}

const rights = 'grant the rights that a worker needs';
/** What to do about errors of Kafka that an operator can mend. */
const remedies: Readonly<Record<string, string>> = {
  INCONSISTENT_GROUP_PROTOCOL: 'another program uses this consumer group: choose another --consumer-group',
  INVALID_SESSION_TIMEOUT: 'correct --session-timeout-ms',
  INVALID_TRANSACTION_TIMEOUT: 'lower --transaction-timeout-ms',
  MESSAGE_TOO_LARGE: 'raise max.message.bytes of the topic',
  RECORD_LIST_TOO_LARGE: 'raise max.message.bytes of the topic',
  TOPIC_AUTHORIZATION_FAILED: rights,
  GROUP_AUTHORIZATION_FAILED: rights,
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: rights,
  CLUSTER_AUTHORIZATION_FAILED: rights,
};

/** What the brokers do not do for the worker. */
export function refused(reason: BrokerError): UdfError {
  const remedy = remedies[reason.code];
  const text = `Kafka refuses: ${reason.message.replace(/\.$/, '')}`;
  return new UdfError('refused', remedy === undefined ? text : `${text}; ${remedy}`, { cause: reason });
}
