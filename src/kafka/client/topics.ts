import { hasCode } from './broker-error.js';
import type { Cluster } from './cluster.js';

const timeoutMs = 30_000;

/** Settings of a topic, as `cleanup.policy`. */
export type TopicSettings = Readonly<Record<string, string>>;

/** The number of a topic's partitions; `undefined` if there is no such topic. Rejects with a `BrokerError`. */
export async function partitionCount(cluster: Cluster, topic: string): Promise<number | undefined> {
  return cluster.retry(async () => {
    try {
      return (await cluster.topics([topic])).get(topic)?.leaders.length;
    } catch (reason) {
      if (hasCode(reason, 'UNKNOWN_TOPIC_OR_PARTITION')) return undefined;
      throw reason;
    }
  }, timeoutMs);
}

/**
 * Creates a topic with the cluster's default of replicas unless it exists. Resolves with the number of its partitions, which
 * is the cluster's default where none is given. Rejects with a `BrokerError`.
 */
export async function ensureTopic(
  cluster: Cluster,
  topic: string,
  settings: TopicSettings,
  partitions?: number,
): Promise<number> {
  const existing = await partitionCount(cluster, topic);
  if (existing !== undefined) return existing;
  await createTopic(cluster, topic, settings, partitions ?? -1);
  return (await partitionCount(cluster, topic)) ?? 0;
}

/**
 * Settings of a topic, by their names; `undefined` if the brokers do not let the worker see them. Rejects with a
 * `BrokerError`.
 */
export async function topicSettings(
  cluster: Cluster,
  topic: string,
  names: readonly string[],
): Promise<TopicSettings | undefined> {
  const { describeConfigsV4, ConfigResourceTypes: types } = cluster.library;
  const resource = { resourceType: types.TOPIC, resourceName: topic, configurationKeys: [...names] };
  try {
    const { results } = await cluster.retry(
      () => cluster.call('any', `settings of ${topic}`, describeConfigsV4.api, [[resource], false, false]),
      timeoutMs,
    );
    const entries = (results[0]?.configs ?? []).map(({ name, value }) => [name, value ?? ''] as const);
    return Object.fromEntries(entries);
  } catch (reason) {
    if (hasCode(reason, 'TOPIC_AUTHORIZATION_FAILED', 'CLUSTER_AUTHORIZATION_FAILED')) return undefined;
    throw reason;
  }
}

async function createTopic(
  cluster: Cluster,
  name: string,
  settings: TopicSettings,
  partitions: number,
): Promise<void> {
  const { createTopicsV7 } = cluster.library;
  const topic = {
    name,
    numPartitions: partitions,
    replicationFactor: -1, // the cluster's default
    assignments: [],
    configs: Object.entries(settings).map(([key, value]) => ({ name: key, value })),
  };
  try {
    await cluster.retry(async () => {
      await cluster.call('any', `create topic ${name}`, createTopicsV7.api, [[topic], timeoutMs, false]);
    }, timeoutMs);
  } catch (reason) {
    if (!hasCode(reason, 'TOPIC_ALREADY_EXISTS')) throw reason; // another worker was faster
  }
  await cluster.retry(async () => {
    await cluster.topics([name]); // the brokers may not all know it yet
  }, timeoutMs);
}
