import { describe, expect, test } from 'vitest';
import { BrokerError } from '../../src/kafka/client/broker-error.js';
import type { Cluster } from '../../src/kafka/client/cluster.js';
import { loadLibrary } from '../../src/kafka/client/library.js';
import { checkCompression } from '../../src/kafka/client/requests.js';
import { prepareTopics, refused } from '../../src/kafka/prepare-topics.js';

/** A cluster whose topics cannot be looked up for a reason that does not pass. */
const refusing = (reason: BrokerError) => ({ retry: () => Promise.reject(reason) }) as unknown as Cluster; // nothing else is called

describe('what brokers refuse', () => {
  test('is told with what to do about it', () => {
    expect(refused(new BrokerError('INCONSISTENT_GROUP_PROTOCOL', 'join group g: no.')).message).toBe(
      'Kafka refuses: join group g: no; another program uses this consumer group: choose another --consumer-group',
    );
    expect(refused(new BrokerError('SOMETHING_ELSE', 'no')).message).toBe('Kafka refuses: no');
  });

  test('is no defect of ours, when topics are looked up', async () => {
    const reason = new BrokerError('TOPIC_AUTHORIZATION_FAILED', 'topic in: not authorized.');
    await expect(
      prepareTopics(refusing(reason), { groupId: 'g', from: 'in', to: 'out' }),
    ).rejects.toMatchObject({
      code: 'refused',
      message: 'Kafka refuses: topic in: not authorized; grant the rights that a worker needs',
    });
  });
});

test('a compression that this Node.js lacks is refused before anything is read', async () => {
  const library = await loadLibrary();
  expect(() => {
    checkCompression(library, 'gzip');
  }).not.toThrow();
  const algorithms = { ...library.compressionsAlgorithms, zstd: { available: false } };
  const lacking = { ...library, compressionsAlgorithms: algorithms } as unknown as typeof library; // no more is read
  expect(() => {
    checkCompression(lacking, 'zstd');
  }).toThrow(expect.objectContaining({ code: 'usage', message: expect.stringContaining('zstd needs Node.js 22.15') as string })); // prettier-ignore
});
