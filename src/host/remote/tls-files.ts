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
  try {
    createSecureContext(credentials);
  } catch (cause) {
    const names = `${files.cert}, ${files.key} and ${files.ca}`;
    throw new UdfError('invalid_config', `${names} cannot be used together: ${messageOf(cause)}`, { cause });
  }
  return credentials;
}
