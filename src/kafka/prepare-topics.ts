import { UdfError } from '../model/errors.js';
import { brokerProblem } from './broker-problem.js';
import type { Cluster } from './client/cluster.js';
import { ensureTopic, partitionCount, topicSettings, type TopicSettings } from './client/topics.js';
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
    throw brokerProblem(reason);
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
  await checkPolicies(cluster, changelog, repartition ?? from);
  return counts;
}

/** Checks that the state is kept, and the input that is repeated to restore it, as far as the worker may see that. */
async function checkPolicies(cluster: Cluster, changelog: string, input: string): Promise<void> {
  const keys = ['cleanup.policy', 'retention.ms', 'retention.bytes'];
  const state = await topicSettings(cluster, changelog, keys);
  if (state?.['cleanup.policy']?.includes('delete') && !isKept(state)) {
    throw new UdfError(
      'invalid_config',
      `topic ${changelog} has cleanup.policy=${state['cleanup.policy']}, which deletes the state of partitions that get no ` +
        'records for a while: set it to compact',
    );
  }
  const repeated = await topicSettings(cluster, input, keys);
  if (repeated?.['cleanup.policy']?.includes('compact')) {
    throw new UdfError(
      'invalid_config',
      `topic ${input} has cleanup.policy=${repeated['cleanup.policy']}, which removes records that the state is restored from: ` +
        'set it to delete, or use --repartition',
    );
  }
}

function isKept({ 'retention.ms': ms, 'retention.bytes': bytes }: TopicSettings): boolean {
  return ms === '-1' && bytes === '-1';
}
