import type * as Kafka from '@platformatic/kafka';
import { UdfError } from '../../model/errors.js';
import { isNotInstalled, libraryFailure } from '../../model/library-failure.js';

/** The client library: connections with TLS and SASL, and the encoding of requests and responses. */
export type KafkaLibrary = typeof Kafka;

const library = {
  name: '@platformatic/kafka',
  title: 'the Kafka client',
  install: 'npm install @platformatic/kafka@1',
};

/**
 * Loads the client library, an optional peer dependency. Rejects with `usage` if it is not installed, and `invalid_module` if
 * it cannot be loaded.
 */
export async function loadLibrary(): Promise<KafkaLibrary> {
  try {
    return await import('@platformatic/kafka');
  } catch (cause) {
    if (isNotInstalled(cause, library.name)) {
      const { title, install } = library;
      throw new UdfError('usage', `${title} is not installed; install it beside kapacitor-udf: ${install}`, {
        cause,
      });
    }
    throw new UdfError('invalid_module', libraryFailure(cause, library), { cause });
  }
}
