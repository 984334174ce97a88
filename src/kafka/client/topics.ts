import { UdfError } from '../../model/errors.js';
import { type BrokerError, hasCode } from './broker-error.js';
import type { Cluster } from './cluster.js';

const timeoutMs = 30_000;

/** Settings of a topic, as `cleanup.policy`. */
export type TopicSettings = Readonly<Record<string, string>>;

/** The number of a topic's partitions; `undefined` if there is no such topic. Rejects with a `BrokerError`. */
export async function partitionCount(cluster: Cluster, topic: string): Promise<number | undefined> {
  try {
    return await cluster.retry(async () => {
      try {
        return (await cluster.topics([topic])).get(topic)?.leaders.length;
      } catch (reason) {
        if (hasCode(reason, 'UNKNOWN_TOPIC_OR_PARTITION')) return undefined;
        throw reason;
      }
    }, timeoutMs);
  } catch (reason) {
    throw connectionProblem(reason);
  }
}

/**
 * Creates a topic with the cluster's default replication unless it exists. Rejects with `invalid_config` if it has another
 * number of partitions.
 */
export async function ensureTopic(
  cluster: Cluster,
  topic: string,
  partitions: number,
  settings: TopicSettings,
  why: string,
): Promise<void> {
  let count = await partitionCount(cluster, topic);
  if (count === undefined) {
    await createTopic(cluster, topic, partitions, settings);
    count = await partitionCount(cluster, topic);
  }
  if (count === partitions) return;
  throw new UdfError(
    'invalid_config',
    `topic ${topic} has ${count ?? 'no'} partitions, and needs ${partitions}: ${why}`,
  );
}

async function createTopic(
  cluster: Cluster,
  name: string,
  partitions: number,
  settings: TopicSettings,
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

/** A broker that cannot be reached, as an error of the command. */
export function connectionProblem(reason: unknown): unknown {
  if (!hasCode(reason, 'NETWORK', 'AUTHENTICATION')) return reason;
  const { message } = reason as BrokerError; // `hasCode` was true
  const remedy = hasCode(reason, 'AUTHENTICATION')
    ? 'correct --sasl, KAFKA_USERNAME and KAFKA_PASSWORD'
    : 'start the brokers, or correct --brokers';
  return new UdfError('connection', `cannot use the Kafka brokers: ${message}; ${remedy}`, { cause: reason });
}
