import { describe, expect, test } from 'vitest';
import { BrokerError } from '../../src/kafka/client/broker-error.js';
import type { Cluster } from '../../src/kafka/client/cluster.js';
import { prepareTopics } from '../../src/kafka/prepare-topics.js';

const names = { groupId: 'g', from: 'in', to: 'out' };

interface Failures {
  /** Why topics cannot be looked up. */
  readonly lookUp?: BrokerError;
  /** Why topics cannot be created. */
  readonly create?: BrokerError;
}

/** A cluster that has the topics `in` and `out`, and repeats nothing. */
function clusterOf({ lookUp, create }: Failures): Cluster {
  const cluster: Pick<Cluster, 'retry' | 'topics' | 'call'> & { readonly library: object } = {
    library: { createTopicsV7: {} },
    retry: (work) => work(),
    topics: ([name]) => {
      if (lookUp) return Promise.reject(lookUp);
      if (name !== 'in' && name !== 'out') {
        return Promise.reject(new BrokerError('UNKNOWN_TOPIC_OR_PARTITION', 'no such topic'));
      }
      return Promise.resolve(new Map([[name, { leaders: [1, 1] }]]));
    },
    call: () => Promise.reject(create!), // only topics are created
  };
  return cluster as Cluster; // nothing else is called
}

test('rejects with `refused`, and what to do, if the brokers refuse to look topics up', async () => {
  const lookUp = new BrokerError('TOPIC_AUTHORIZATION_FAILED', 'topic in: not authorized.');
  await expect(prepareTopics(clusterOf({ lookUp }), names)).rejects.toMatchObject({
    code: 'refused',
    message:
      'Kafka refuses: topic in: not authorized; grant the rights that docs/kafka.md lists under "TLS, sign-in and ACLs"',
  });
});

test('rejects with `refused` if the brokers refuse to create a topic', async () => {
  const create = new BrokerError('POLICY_VIOLATION', 'create topic g-in-changelog: no');
  await expect(prepareTopics(clusterOf({ create }), names)).rejects.toMatchObject({
    code: 'refused',
    message: 'Kafka refuses: create topic g-in-changelog: no',
  });
});

test('rejects with `connection` if no broker answers while a topic is created', async () => {
  const create = new BrokerError('NETWORK', 'create topic g-in-changelog: no answer');
  await expect(prepareTopics(clusterOf({ create }), names)).rejects.toMatchObject({
    code: 'connection',
    message: 'cannot use the Kafka brokers: create topic g-in-changelog: no answer; start the brokers, or correct --brokers', // prettier-ignore
  });
});

/** A cluster that has all topics, with one partition each, and these settings of them. */
const clusterWith = (settings: Readonly<Record<string, Readonly<Record<string, string>>>>) =>
  ({
    library: { describeConfigsV4: {}, ConfigResourceTypes: { TOPIC: 2 } },
    retry: (work: () => unknown) => work(),
    topics: ([name]: readonly [string]) => Promise.resolve(new Map([[name, { leaders: [1] }]])),
    call: (
      ...[, , , [[{ resourceName }]]]: readonly [unknown, unknown, unknown, [[{ resourceName: string }]]]
    ) => {
      const found = settings[resourceName];
      if (!found)
        return Promise.reject(new BrokerError('TOPIC_AUTHORIZATION_FAILED', 'no right to see them'));
      const configs = Object.entries(found).map(([name, value]) => ({ name, value }));
      return Promise.resolve({ results: [{ configs }] });
    },
  }) as unknown as Cluster; // nothing else is called

describe('clean-up policies', () => {
  const own = { ...names, changelog: 'state' };
  const forever = { 'retention.ms': '-1', 'retention.bytes': '-1' };

  test.each([
    [
      'a compacted changelog and an input that is deleted',
      { state: { 'cleanup.policy': 'compact' }, in: { 'cleanup.policy': 'delete' } },
    ],
    ['a changelog that is kept for ever', { state: { 'cleanup.policy': 'delete', ...forever } }],
    ['topics whose settings the worker may not see', {}],
  ])('may be those of %s', async (_what, settings) => {
    await expect(prepareTopics(clusterWith(settings), own)).resolves.toBeInstanceOf(Map);
  });

  test.each(['delete', 'compact,delete'])('that delete the state are refused: %s', async (policy) => {
    const settings = { 'cleanup.policy': policy, 'retention.ms': '604800000', 'retention.bytes': '-1' };
    await expect(prepareTopics(clusterWith({ state: settings }), own)).rejects.toMatchObject({
      code: 'invalid_config',
      message:
        `topic state has cleanup.policy=${policy}, which deletes the state of partitions that get no records for a while: ` +
        'set it to compact',
    });
  });

  test('that remove input from which the state is restored are refused, unless it is written to another topic first', async () => {
    const cluster = clusterWith({ in: { 'cleanup.policy': 'compact' } });
    await expect(prepareTopics(cluster, own)).rejects.toThrow('topic in has cleanup.policy=compact');
    await expect(prepareTopics(cluster, { ...own, repartition: 'keyed' })).resolves.toBeInstanceOf(Map);
  });
});
