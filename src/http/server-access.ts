import { readFileSync } from 'node:fs';
import { messageOf, UdfError } from '../model/errors.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/** What the messages say of a kind of server. */
export interface ServerKind {
  /** With its article: `an InfluxDB`. */
  readonly what: string;
  readonly example: string;
  /** Where credentials belong. */
  readonly credentials: string;
}

/**
 * The URL of a server. Throws `invalid_config` for one that is none, and for credentials in it: a command line can be
 * read by every user of the machine.
 */
export function parseServerUrl(text: string, { what, example, credentials }: ServerKind): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    const shown = text.includes('@') ? 'this' : `"${text}"`; // what stands before an @ may be a password
    throw new UdfError('invalid_config', `${shown} is no URL of ${what}, such as ${example}`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new UdfError('invalid_config', `${url.host}: give credentials in ${credentials}, not in the URL`);
  }
  return url;
}

/** Scheme, host, port and the path before the server's own. */
export function baseOf(url: URL): string {
  return url.origin + url.pathname.replace(/\/+$/, '');
}

/**
 * A value given as itself or, as containers hand secrets over, in the file that `NAME_FILE` names; `undefined` if there
 * is neither. Throws `invalid_config` for a file that cannot be read.
 */
export function fromEnvironment(name: string, environment: Environment): string | undefined {
  const value = environment[name];
  if (value) return value;
  const file = environment[`${name}_FILE`];
  if (!file) return undefined;
  try {
    return readFileSync(file, 'utf8').trimEnd();
  } catch (cause) {
    throw new UdfError('invalid_config', `${name}_FILE cannot be read: ${messageOf(cause)}`, { cause });
  }
}

/** The `Authorization` header of the user and password whose variables begin so; `undefined` without a user. */
export function basicAuthorization(prefix: string, environment: Environment): string | undefined {
  const user = fromEnvironment(`${prefix}_USERNAME`, environment);
  if (user === undefined) return undefined;
  const password = fromEnvironment(`${prefix}_PASSWORD`, environment) ?? '';
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}
