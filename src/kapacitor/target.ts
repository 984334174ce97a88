import { readFileSync } from 'node:fs';
import { messageOf, UdfError } from '../errors.js';

/** A Kapacitor, and how to be let in. */
export interface KapacitorTarget {
  /** Scheme, host, port and the path before Kapacitor's own. */
  readonly url: string;
  /** The value of the `Authorization` header; absent if none is needed. Never logged. */
  readonly authorization?: string | undefined;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Where Kapacitor is unless told otherwise. */
export const defaultUrl = 'http://localhost:9092';

/**
 * Where Kapacitor is: the URL that is given, else `KAPACITOR_URL`, else the default. Credentials come from
 * `KAPACITOR_USERNAME` and `KAPACITOR_PASSWORD`, or from files that `KAPACITOR_USERNAME_FILE` and
 * `KAPACITOR_PASSWORD_FILE` name.
 *
 * Throws `invalid_config` for a URL that is none, for credentials in it (a command line can be read by every user of the
 * machine), and for a file that cannot be read.
 */
export function kapacitorTarget(given: string | undefined, environment: Environment): KapacitorTarget {
  const preset = environment.KAPACITOR_URL ?? '';
  const url = parseUrl(given ?? (preset === '' ? defaultUrl : preset));
  const user = fromEnvironment('KAPACITOR_USERNAME', environment);
  if (user === undefined) return { url };
  const password = fromEnvironment('KAPACITOR_PASSWORD', environment) ?? '';
  return { url, authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` };
}

function parseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    const shown = text.includes('@') ? 'this' : `"${text}"`; // what stands before an @ may be a password
    throw new UdfError('invalid_config', `${shown} is no URL of a Kapacitor, such as ${defaultUrl}`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new UdfError(
      'invalid_config',
      `${url.host}: give credentials in KAPACITOR_USERNAME and KAPACITOR_PASSWORD, not in the URL`,
    );
  }
  return url.origin + url.pathname.replace(/\/+$/, '');
}

/** A value given as itself or, as containers hand secrets over, in a file. */
function fromEnvironment(name: string, environment: Environment): string | undefined {
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
