import { isIP } from 'node:net';
import { UdfError } from '../../model/errors.js';
import { isLoopback, parseHttpAddress } from '../http/address.js';

/** Where a host of UDFs listens beside its sockets. */
export interface RemoteAddress {
  readonly host: string;
  readonly port: number;
  /** Whether TLS is spoken there. */
  readonly tls: boolean;
}

/**
 * Parses `tcp://HOST:PORT` or `tls://HOST:PORT`. Throws `invalid_config` if the text is neither.
 */
export function parseRemoteAddress(text: string): RemoteAddress {
  const [, scheme, rest = ''] = /^(tcp|tls):\/\/(.*:\d+)\/?$/.exec(text) ?? [];
  if (scheme === undefined) {
    throw new UdfError(
      'invalid_config',
      `"${text}" is not an address; write it as tcp://127.0.0.1:9070 or tls://udf.example.com:9070`,
    );
  }
  return { ...parseHttpAddress(rest), tls: scheme === 'tls' };
}

/** The address as it is written. */
export function remoteUrl({ host, port, tls }: RemoteAddress): string {
  return `${tls ? 'tls' : 'tcp'}://${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}

/** Throws `usage` if data would leave this machine unencrypted without `allowPlaintext`. */
export function requireEncryption(address: RemoteAddress, allowPlaintext: boolean): void {
  if (address.tls || allowPlaintext || isLoopback(address.host)) return;
  throw new UdfError(
    'usage',
    `${remoteUrl(address)} is reached by other machines, and tcp:// neither encrypts nor asks who connects; use tls://, or say --allow-plaintext if the network itself is trusted`,
  );
}
