import { readFileSync } from 'node:fs';
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import { type Environment, readSecret } from '../http/credentials.js';
import { messageOf, UdfError } from '../model/errors.js';
import type { ClientSettings, SaslMechanism } from './client/cluster.js';

/** How brokers are reached; secrets come from the environment or from files. */
export interface SecuritySettings {
  /** Encrypt, with the certificate authorities that Node.js knows; the options below imply it. */
  readonly tls?: boolean | undefined;
  /** Files in PEM format. */
  readonly tlsCa?: string | undefined;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  readonly sasl?: SaslMechanism | undefined;
}

/**
 * The settings of the client, with `KAFKA_USERNAME`, `KAFKA_PASSWORD` and `KAFKA_TLS_KEY_PASSWORD` of the environment, or
 * the files that these names with `_FILE` mean. Throws `invalid_config` for files that cannot be read, and `usage` for
 * credentials that are missing.
 */
export function readSecurity(
  settings: SecuritySettings,
  environment: Environment,
): Pick<ClientSettings, 'tls' | 'sasl'> {
  return { tls: readTls(settings, environment), sasl: readSasl(settings, environment) };
}

function readTls(
  { tls, tlsCa, tlsCert, tlsKey }: SecuritySettings,
  environment: Environment,
): TlsOptions | undefined {
  if (!tls && [tlsCa, tlsCert, tlsKey].every((file) => file === undefined)) return undefined;
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new UdfError('usage', 'a client certificate needs both --tls-cert and --tls-key');
  }
  const passphrase = readSecret('KAFKA_TLS_KEY_PASSWORD', environment);
  return {
    ...(tlsCa !== undefined && { ca: readPem(tlsCa, '--tls-ca') }),
    ...(tlsCert !== undefined && { cert: readPem(tlsCert, '--tls-cert') }),
    ...(tlsKey !== undefined && { key: readPem(tlsKey, '--tls-key') }),
    ...(passphrase !== undefined && { passphrase }),
  };
}

function readPem(file: string, option: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new UdfError('invalid_config', `${option} ${file} cannot be read: ${messageOf(cause)}`, { cause });
  }
}

function readSasl({ sasl: mechanism }: SecuritySettings, environment: Environment): ClientSettings['sasl'] {
  const username = readSecret('KAFKA_USERNAME', environment);
  const password = readSecret('KAFKA_PASSWORD', environment);
  if (mechanism === undefined) {
    if (username === undefined) return undefined;
    throw new UdfError(
      'usage',
      'KAFKA_USERNAME is set, but not how to sign in: add --sasl SCRAM-SHA-512, for example',
    );
  }
  if (username === undefined || password === undefined) {
    throw new UdfError(
      'usage',
      `--sasl ${mechanism} needs KAFKA_USERNAME and KAFKA_PASSWORD in the environment, or the files that ` +
        'KAFKA_USERNAME_FILE and KAFKA_PASSWORD_FILE name',
    );
  }
  return { mechanism, username, password };
}
