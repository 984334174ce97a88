import { messageOf } from '../../model/errors.js';

/** What the client library's errors have, one or several of them in an `AggregateError`. */
interface LibraryError {
  readonly code?: unknown;
  /** Kafka's name of the error, as `NOT_COORDINATOR`. */
  readonly apiId?: unknown;
  readonly serverErrorMessage?: unknown;
  readonly response?: unknown;
  readonly errors?: readonly unknown[];
  readonly cause?: unknown;
}

/** A request that failed: refused by a broker, or not answered. */
export class BrokerError extends Error {
  override readonly name = 'BrokerError';
  /** Kafka's name of the error, as `NOT_COORDINATOR`; `NETWORK` if there was no answer. */
  readonly code: string;
  /** The response that holds the error, if there was one. */
  readonly response: unknown;

  constructor(
    code: string,
    message: string,
    options: { readonly cause?: unknown; readonly response?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.response = options.response;
  }

  /** Any thrown value as a `BrokerError`; `what` names the request. */
  static from(reason: unknown, what: string): BrokerError {
    if (reason instanceof BrokerError) return reason;
    const found = firstError(reason);
    const { response } = reason as LibraryError;
    if (found) {
      const { apiId, serverErrorMessage } = found;
      const detail = typeof serverErrorMessage === 'string' ? serverErrorMessage : messageOf(found);
      const text = detail === '' ? String(apiId) : `${String(apiId)}: ${detail}`;
      return new BrokerError(String(apiId), `${what}: ${text}`, {
        cause: reason,
        response,
      });
    }
    const code = failureCodes[String((reason as LibraryError).code)] ?? 'NETWORK';
    return new BrokerError(code, `${what}: ${deepestMessage(reason)}`, { cause: reason });
  }
}

/** The library's own codes of failures that are not retriable. */
const failureCodes: Readonly<Record<string, string>> = {
  PLT_KFK_AUTHENTICATION: 'AUTHENTICATION',
  PLT_KFK_UNSUPPORTED: 'UNSUPPORTED',
  PLT_KFK_UNSUPPORTED_API: 'UNSUPPORTED',
  PLT_KFK_UNSUPPORTED_COMPRESSION: 'UNSUPPORTED',
  PLT_KFK_USER: 'UNSUPPORTED',
};

function firstError(reason: unknown): LibraryError | undefined {
  const error = reason as LibraryError | undefined;
  if (typeof error?.apiId === 'string') return error;
  for (const inner of error?.errors ?? []) {
    const found = firstError(inner);
    if (found) return found;
  }
  return undefined;
}

/** The message of the innermost cause, which tells why a connection failed; with several brokers, that of the last. */
function deepestMessage(reason: unknown): string {
  const { cause, errors } = reason as LibraryError;
  const inner = errors?.at(-1) ?? cause;
  return inner === undefined ? messageOf(reason) : deepestMessage(inner);
}

/** Errors after which the same request may succeed, at the same broker or at another one. */
const retriable = new Set([
  'NETWORK',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_OR_FOLLOWER',
  'REQUEST_TIMED_OUT',
  'REPLICA_NOT_AVAILABLE',
  'NETWORK_EXCEPTION',
  'COORDINATOR_LOAD_IN_PROGRESS',
  'COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR',
  'NOT_ENOUGH_REPLICAS',
  'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
  'CONCURRENT_TRANSACTIONS',
  'KAFKA_STORAGE_ERROR',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'OFFSET_NOT_AVAILABLE',
  'UNSTABLE_OFFSET_COMMIT',
  'NOT_CONTROLLER',
  'THROTTLING_QUOTA_EXCEEDED',
]);

/** Whether the same request may succeed when it is repeated. */
export function isRetriable(reason: unknown): boolean {
  return reason instanceof BrokerError && retriable.has(reason.code);
}

/** Whether a `BrokerError` has one of these codes. */
export function hasCode(reason: unknown, ...codes: readonly string[]): boolean {
  return reason instanceof BrokerError && codes.includes(reason.code);
}
