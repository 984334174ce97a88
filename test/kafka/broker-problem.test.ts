import { expect, test } from 'vitest';
import { UdfError } from '../../src/model/errors.js';
import { brokerProblem } from '../../src/kafka/broker-problem.js';
import { BrokerError } from '../../src/kafka/client/broker-error.js';

test.each([
  ['INCONSISTENT_GROUP_PROTOCOL', 'refused', 'Kafka refuses: join group g: no; all workers of a group must have the same UDF, options, --group-by and topics: end the others first, or choose another --consumer-group'], // prettier-ignore
  [
    'TOPIC_AUTHORIZATION_FAILED',
    'refused',
    'Kafka refuses: join group g: no; grant the rights that docs/kafka.md lists under "TLS, sign-in and ACLs"',
  ],
  ['SOMETHING_ELSE', 'refused', 'Kafka refuses: join group g: no'],
  [
    'NETWORK',
    'connection',
    'cannot use the Kafka brokers: join group g: no.; start the brokers, or correct --brokers',
  ],
  ['AUTHENTICATION', 'connection', 'cannot use the Kafka brokers: join group g: no.; correct --sasl, KAFKA_USERNAME and KAFKA_PASSWORD'], // prettier-ignore
])('%s is reported as %s, with what to do about it', (kafkaCode, code, message) => {
  expect(brokerProblem(new BrokerError(kafkaCode, 'join group g: no.'))).toMatchObject({ code, message });
});

test('other errors stay as they are', () => {
  const reason = new UdfError('invalid_config', 'there is no topic in');
  expect(brokerProblem(reason)).toBe(reason);
});
