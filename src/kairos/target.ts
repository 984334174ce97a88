import { basicAuthorization, type Environment } from '../http/credentials.js';
import { parseServerUrl, type ServerKind } from '../http/server-url.js';
import { UdfError } from '../model/errors.js';

/** A KairosDB to write to, with credentials. */
export interface KairosTarget {
  /** Scheme, host, port and path prefix: `http://localhost:8080`. */
  readonly url: string;
  /** The `Authorization` header, if any. Never logged. */
  readonly authorization: string | undefined;
  /** For points without a tag of this name. KairosDB refuses points without any tag. */
  readonly defaultTag: { readonly name: string; readonly value: string } | undefined;
  /** Round times down to the milliseconds that KairosDB stores, instead of refusing finer ones. */
  readonly roundsTimes: boolean;
}

const kind = {
  what: 'a KairosDB',
  example: 'kairosdb+http://localhost:8080',
  credentials: 'KAIROSDB_USERNAME and KAIROSDB_PASSWORD',
  prefix: 'kairosdb+',
  unsupported: { db: 'KairosDB has no databases', ttl: 'points are kept as long as the server says' },
} satisfies ServerKind;

/** Whether a URL names a KairosDB by its scheme, `kairosdb+http:` or `kairosdb+https:`, also if the rest of it is wrong. */
export function isKairosUrl(text: string): boolean {
  return /^kairosdb[+:]/i.test(text);
}

/**
 * Reads a target from a URL, `kairosdb+http://HOST:8080[?tag=NAME=VALUE][&precision=ms]`, and credentials from the environment:
 * `KAIROSDB_USERNAME` and `KAIROSDB_PASSWORD`, or the files that the variables with the suffix `_FILE` name.
 *
 * Throws `invalid_config` for an invalid URL, a URL with credentials, an unknown parameter or an invalid value of one, and an
 * unreadable file.
 */
export function kairosTarget(text: string, environment: Environment): KairosTarget {
  const { base, parameters } = parseServerUrl(text, kind, ['tag', 'precision']);
  const precision = parameters.get('precision');
  if (precision !== undefined && precision !== 'ms') {
    throw invalid(base, 'precision must be ms, the only one that KairosDB stores');
  }
  return {
    url: base,
    authorization: basicAuthorization('KAIROSDB', environment),
    defaultTag: tagOf(base, parameters.get('tag')),
    roundsTimes: precision !== undefined,
  };
}

function tagOf(base: string, text: string | undefined): KairosTarget['defaultTag'] {
  if (text === undefined) return undefined;
  const [, name, value] = /^([^=]+)=(.+)$/su.exec(text) ?? [];
  if (name === undefined || value === undefined) throw invalid(base, 'tag must be NAME=VALUE');
  return { name, value };
}

function invalid(base: string, message: string): UdfError {
  return new UdfError('invalid_config', `${kind.prefix}${base}: the URL's parameter ${message}`);
}
