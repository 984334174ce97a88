import {
  baseOf,
  basicAuthorization,
  type Environment,
  parseServerUrl,
  type ServerKind,
} from '../http/server-access.js';

/** A Kapacitor, and how to be let in. */
export interface KapacitorTarget {
  /** Scheme, host, port and the path before Kapacitor's own. */
  readonly url: string;
  /** The value of the `Authorization` header; absent if none is needed. Never logged. */
  readonly authorization?: string | undefined;
}

/** Where Kapacitor is unless told otherwise. */
export const defaultUrl = 'http://localhost:9092';

const kind: ServerKind = {
  what: 'a Kapacitor',
  example: defaultUrl,
  credentials: 'KAPACITOR_USERNAME and KAPACITOR_PASSWORD',
};

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
  const url = parseServerUrl(given ?? (preset === '' ? defaultUrl : preset), kind);
  return { url: baseOf(url), authorization: basicAuthorization('KAPACITOR', environment) };
}
