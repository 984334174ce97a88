import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { messageOf, UdfError } from '../../model/errors.js';

/** PEM files: what this side shows, and whom it accepts. */
export interface TlsFiles {
  /** The certificate, with those between it and the authority. */
  readonly cert: string;
  readonly key: string;
  /** The authorities, one of which must have signed the other side's certificate. */
  readonly ca: string;
}

/** The contents of `TlsFiles`. */
export interface TlsCredentials {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca: Buffer;
}

/**
 * Reads the files for `url`. Throws `usage` if there are none, and `invalid_config` if one cannot be read, or if certificate
 * and key do not belong together.
 */
export function readTlsFiles(files: TlsFiles | undefined, url: string): TlsCredentials {
  if (!files) throw new UdfError('usage', `${url} needs --tls-cert, --tls-key and --tls-ca`);
  const read = (kind: string, path: string): Buffer => {
    try {
      return readFileSync(path);
    } catch (cause) {
      throw new UdfError('invalid_config', `cannot read ${kind} ${path}: ${messageOf(cause)}`, { cause });
    }
  };
  const credentials = {
    cert: read('the certificate', files.cert),
    key: read('the key', files.key),
    ca: read("the authority's certificate", files.ca),
  };
  const use = (parts: Partial<TlsCredentials>, what: string): void => {
    try {
      createSecureContext(parts);
    } catch (cause) {
      throw new UdfError('invalid_config', `${what}: ${tlsMessage(cause)}`, { cause });
    }
  };
  const { cert, key, ca } = credentials;
  use({ cert }, `--tls-cert ${files.cert} is not a certificate as PEM`);
  use({ key }, `--tls-key ${files.key} is not a private key as PEM`);
  if (!ca.includes('-----BEGIN')) {
    throw new UdfError('invalid_config', `--tls-ca ${files.ca} is not a certificate as PEM`);
  }
  use({ ca }, `--tls-ca ${files.ca} is not a certificate as PEM`);
  use(credentials, `--tls-key ${files.key} is not the key of --tls-cert ${files.cert}`);
  return credentials;
}

/** The message of an error of TLS. Those of OpenSSL are for its developers, and take two lines: only their reason is left. */
export function tlsMessage(error: unknown): string {
  const text = messageOf(error);
  const reason: unknown = error instanceof Error && 'reason' in error ? error.reason : undefined;
  const isOfOpenSsl = /^(?:[\dA-F]+:)?error:/i.test(text);
  return isOfOpenSsl && typeof reason === 'string' && reason !== '' ? reason : text;
}
