import { expect, test } from 'vitest';
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
    message: 'Kafka refuses: topic in: not authorized; grant the rights that a worker needs',
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
