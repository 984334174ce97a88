import { basicAuthorization, type Environment } from '../http/credentials.js';
import { parseServerUrl, type ServerKind } from '../http/server-url.js';
import { UdfError } from '../model/errors.js';

/** A Kapacitor, and the credentials for it. */
export interface KapacitorTarget {
  /** Scheme, host, port and the path before Kapacitor's own. */
  readonly url: string;
  /** The value of the `Authorization` header; absent if none is needed. Never logged. */
  readonly authorization?: string | undefined;
}

/** Used without a URL or `KAPACITOR_URL`. */
const defaultUrl = 'http://localhost:9092';

const kapacitorKind: ServerKind = {
  what: 'a Kapacitor',
  example: defaultUrl,
  credentials: 'KAPACITOR_USERNAME and KAPACITOR_PASSWORD',
};

/**
 * The target of a URL, else of `KAPACITOR_URL`, else `http://localhost:9092`. Credentials come from
 * `KAPACITOR_USERNAME` and `KAPACITOR_PASSWORD`, or from files that `KAPACITOR_USERNAME_FILE` and
 * `KAPACITOR_PASSWORD_FILE` name.
 *
 * Throws `invalid_config` for an invalid URL, for credentials or any other parameter in it, and if a file cannot be read.
 */
export function kapacitorTarget(given: string | undefined, environment: Environment): KapacitorTarget {
  const fromEnvironment = environment.KAPACITOR_URL ?? '';
  const { base } = parseServerUrl(
    given ?? (fromEnvironment === '' ? defaultUrl : fromEnvironment),
    kapacitorKind,
  );
  return { url: base, authorization: basicAuthorization('KAPACITOR', environment) };
}

/** The database of a Kapacitor to write to, with the API of InfluxDB 1.x. */
export interface KapacitorWriteTarget extends KapacitorTarget {
  readonly database: string;
  /** Empty for Kapacitor's default. */
  readonly retentionPolicy: string;
}

/**
 * The write target of a URL, `http://HOST:9092?db=NAME[&rp=NAME]`. Credentials come from the environment, as for
 * `kapacitorTarget`. Throws `invalid_config` as that does, and for a URL without a database.
 */
export function kapacitorWriteTarget(text: string, environment: Environment): KapacitorWriteTarget {
  const { base, parameters } = parseServerUrl(text, kapacitorKind, ['db', 'rp']);
  const database = parameters.get('db') ?? '';
  if (database === '') {
    throw new UdfError('invalid_config', `${base}: name a database, ?db=NAME[&rp=NAME]`);
  }
  return {
    url: base,
    database,
    retentionPolicy: parameters.get('rp') ?? '',
    authorization: basicAuthorization('KAPACITOR', environment),
  };
}
