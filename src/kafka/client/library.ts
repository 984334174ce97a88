import type * as Kafka from '@platformatic/kafka';
import { systemCode, UdfError } from '../../model/errors.js';

/** The client library: connections with TLS and SASL, and the encoding of requests and responses. */
export type KafkaLibrary = typeof Kafka;

/** Loads the client library, an optional peer dependency. Rejects with `usage` if it is not installed. */
export async function loadLibrary(): Promise<KafkaLibrary> {
  try {
    return await import('@platformatic/kafka');
  } catch (cause) {
    if (systemCode(cause) !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new UdfError(
      'usage',
      'the Kafka client is not installed; install it beside kapacitor-udf: npm install @platformatic/kafka@1',
      { cause },
    );
  }
}
