import { UdfError } from '../model/errors.js';
import { nearestName } from '../model/text.js';
import { isSecretName } from './credentials.js';

/** A kind of server, as error messages describe it. */
export interface ServerKind {
  /** With its article: `an InfluxDB`. */
  readonly what: string;
  /** A valid URL. */
  readonly example: string;
  /** Where credentials belong: `INFLUX_USERNAME and INFLUX_PASSWORD`. */
  readonly credentials: string;
  /** Why some well-known parameters are not supported. */
  readonly unsupported?: Readonly<Record<string, string>>;
  /** In front of the scheme, required: `kairosdb+`. */
  readonly prefix?: string;
}

export interface ServerUrl {
  /** Scheme, host, port and path prefix, without a trailing slash. */
  readonly base: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/**
 * Parses the URL of a server. Throws `invalid_config` for:
 * - text that is not an HTTP URL,
 * - credentials, as `user:password@` or as a parameter, since every user of the machine can read command lines,
 * - a parameter that is not in `known` or is given twice, and a fragment (`#`).
 *
 * Messages never quote what may be a secret.
 */
export function parseServerUrl(text: string, kind: ServerKind, known: readonly string[] = []): ServerUrl {
  const { prefix = '' } = kind;
  const http = text.toLowerCase().startsWith(prefix) ? text.slice(prefix.length) : '';
  const url = URL.canParse(http) ? new URL(http) : undefined;
  const [, wrongPort] = /^https?:\/\/[\w.-]+:(\d{5,10})(?:[/?#]|$)/i.exec(http) ?? [];
  // An @: the number may be the start of a password.
  if (!url && wrongPort !== undefined && !text.includes('@'))
    throw invalid(`the URL's port ${wrongPort} is above 65535`);
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw invalid(`${quotedAddress(text)} is no URL of ${kind.what}, such as ${kind.example}`);
  }
  const { host } = url;
  const names = [...url.searchParams.keys()];
  // An @ in the path: an unescaped slash in a password ended the host part.
  const hasUser = url.username !== '' || url.password !== '' || url.pathname.includes('@');
  if (hasUser || names.some(isSecretName)) {
    throw invalid(`${host}: give credentials in ${kind.credentials}, not in the URL`);
  }
  if (url.hash !== '') {
    throw invalid(`${host}: the URL has a part behind #; write a # in a name as %23`);
  }
  for (const [name, value] of url.searchParams) {
    if (!known.includes(name)) throw invalid(`${host}: ${unknownParameter(name, value, kind, known)}`);
  }
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) throw invalid(`${host}: the URL's parameter "${twice}" is given twice`);
  return { base: url.origin + url.pathname.replace(/\/+$/, ''), parameters: new Map(url.searchParams) };
}

function unknownParameter(
  name: string,
  value: string,
  { unsupported = {} }: ServerKind,
  known: readonly string[],
): string {
  // May be part of a password with an unescaped &.
  if (value === '' || !/^[\w.-]{1,40}$/.test(name)) return 'the URL has an unknown parameter';
  const reason = Object.hasOwn(unsupported, name) ? unsupported[name] : undefined;
  if (reason !== undefined) return `the URL's parameter "${name}" is not supported: ${reason}`;
  const near = nearestName(name, known);
  const list = known.length === 0 ? 'none is known' : `known are ${known.join(', ')}`;
  return `the URL has an unknown parameter "${name}"; ${near === undefined ? list : `did you mean ${near}?`}`;
}

/** Quotes the text up to its parameters if it is plainly scheme, host, port and path; else returns `this`, as it may hold a password. */
function quotedAddress(text: string): string {
  const address = /^[^?#]*/.exec(text)![0]; // matches any text
  const isPlain = /^(?:[a-z][a-z0-9+.-]*:\/\/)?[\w.+-]*(?::\d{1,5})?(?:\/[\w./-]*)?$/i.test(address);
  return isPlain && address !== '' && !text.includes('@') ? `"${address}"` : 'this';
}

function invalid(message: string): UdfError {
  return new UdfError('invalid_config', message);
}
