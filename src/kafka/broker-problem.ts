import { UdfError } from '../model/errors.js';
import { BrokerError, hasCode } from './client/broker-error.js';

const rights = 'grant the rights that docs/kafka.md lists under "TLS, sign-in and ACLs"';

/** What to do about what brokers refuse, by Kafka's name of the error. */
const remedies: Readonly<Record<string, string>> = {
  INCONSISTENT_GROUP_PROTOCOL:
    'all workers of a group must have the same UDF, options, --group-by and topics: end the others first, or choose another ' +
    '--consumer-group',
  INVALID_SESSION_TIMEOUT: 'correct --session-timeout-ms',
  INVALID_TRANSACTION_TIMEOUT: 'lower --transaction-timeout-ms',
  MESSAGE_TOO_LARGE: 'raise max.message.bytes of the topic',
  RECORD_LIST_TOO_LARGE: 'raise max.message.bytes of the topic',
  TOPIC_AUTHORIZATION_FAILED: rights,
  GROUP_AUTHORIZATION_FAILED: rights,
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: rights,
  CLUSTER_AUTHORIZATION_FAILED: rights,
};

/**
 * The error of the command for a failed request: `connection` if no broker can be used, `refused` if one refuses it. Errors
 * other than a `BrokerError` are returned unchanged.
 */
export function brokerProblem(reason: unknown): unknown {
  if (!(reason instanceof BrokerError)) return reason;
  const { code, message } = reason;
  if (hasCode(reason, 'NETWORK', 'AUTHENTICATION')) {
    const remedy =
      code === 'AUTHENTICATION'
        ? 'correct --sasl, KAFKA_USERNAME and KAFKA_PASSWORD'
        : 'start the brokers, or correct --brokers';
    return new UdfError('connection', `cannot use the Kafka brokers: ${message}; ${remedy}`, {
      cause: reason,
    });
  }
  const remedy = remedies[code];
  const text = `Kafka refuses: ${message.replace(/\.$/, '')}`;
  return new UdfError('refused', remedy === undefined ? text : `${text}; ${remedy}`, { cause: reason });
}
