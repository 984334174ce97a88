import { UdfError, type UdfErrorCode } from '../model/errors.js';
import { BrokerError, hasCode } from './client/broker-error.js';
import type { TopicPartition } from './client/requests.js';

/** Codes of errors that do not say which partition they are about. */
const placeless: ReadonlySet<UdfErrorCode> = new Set([
  'malformed',
  'snapshot_damaged',
  'snapshot_foreign',
  'snapshot_newer',
]);

/** An error about records or the state, with the partition that they are of. */
export function withPlace(reason: unknown, { topic, partition }: TopicPartition): unknown {
  if (!(reason instanceof UdfError) || !placeless.has(reason.code)) return reason;
  const message = `${topic}, partition ${partition}: ${reason.message}`;
  return new UdfError(reason.code, message, { cause: reason });
}

/** What to do about a partition that cannot be read. */
export function inputProblem(reason: unknown, { topic, partition }: TopicPartition): Error {
  if (!hasCode(reason, 'OFFSET_OUT_OF_RANGE')) return BrokerError.from(reason, 'fetch');
  return new UdfError(
    'invalid_config',
    `records of ${topic}, partition ${partition}, were deleted before they were processed, or are needed to restore the ` +
      'state: keep them longer; to go on without them, set the offsets of the consumer group, which begins the state afresh',
  );
}

/** The changelog does not reach back to the snapshot that was committed. */
export function lostState({ topic, partition }: TopicPartition): UdfError {
  return new UdfError(
    'snapshot_truncated',
    `topic ${topic}, partition ${partition}, has lost the state that was committed: it was cut, or created anew; to begin ` +
      'the state afresh, set the offsets of the consumer group (kafka-consumer-groups.sh --reset-offsets)',
  );
}
