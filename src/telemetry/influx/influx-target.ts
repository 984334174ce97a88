import { readFileSync } from 'node:fs';
import { messageOf, UdfError } from '../../errors.js';

/** Where in an InfluxDB to write or read: version 1 by `database`, version 2 by `bucket`. */
export interface InfluxTarget {
  /** Scheme, host, port and the path before InfluxDB's own: `http://localhost:8086`. */
  readonly url: string;
  readonly place:
    | { readonly database: string; readonly retentionPolicy: string }
    | { readonly org: string; readonly bucket: string };
  /** The value of the `Authorization` header; absent if none is needed. Never logged. */
  readonly authorization: string | undefined;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads a target from a URL, `http://host:8086?db=NAME[&rp=NAME]` (InfluxDB 1.x) or `…?org=NAME&bucket=NAME` (2.x), and
 * credentials from the environment: `INFLUX_TOKEN`, or `INFLUX_USERNAME` with `INFLUX_PASSWORD`; each may instead be
 * named by a file in `INFLUX_TOKEN_FILE` or `INFLUX_PASSWORD_FILE`.
 *
 * Throws `invalid_config` for a URL that is none or names no place, for credentials in it (a command line can be read
 * by every user of the machine), and for a file that cannot be read.
 */
export function influxTarget(text: string, environment: Environment): InfluxTarget {
  const url = parseUrl(text);
  const given = (name: string): string => url.searchParams.get(name) ?? '';
  const database = given('db');
  const bucket = given('bucket');
  if ((database === '') === (bucket === '')) {
    throw new UdfError(
      'invalid_config',
      `${shown(url)}: name either ?db=DATABASE (InfluxDB 1.x) or ?org=ORG&bucket=BUCKET (2.x)`,
    );
  }
  const place = bucket === '' ? { database, retentionPolicy: given('rp') } : { org: given('org'), bucket };
  const path = url.pathname.replace(/\/+$/, '');
  return { url: url.origin + path, place, authorization: authorizationFrom(environment) };
}

/** A target as it is logged. */
export function describeTarget({ url, place }: InfluxTarget): string {
  if ('bucket' in place) return `${url} bucket ${place.bucket}`;
  return `${url} database ${place.database}`;
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw new UdfError(
      'invalid_config',
      `"${text}" is no URL of an InfluxDB, such as http://localhost:8086?db=udf`,
    );
  }
  if (url.username !== '' || url.password !== '') {
    throw new UdfError(
      'invalid_config',
      `${shown(url)}: give credentials in INFLUX_TOKEN, or INFLUX_USERNAME and INFLUX_PASSWORD, not in the URL`,
    );
  }
  return url;
}

function shown(url: URL): string {
  return url.host + url.pathname;
}

function authorizationFrom(environment: Environment): string | undefined {
  const token = secret('INFLUX_TOKEN', environment);
  if (token !== undefined) return `Token ${token}`;
  const user = environment.INFLUX_USERNAME;
  if (!user) return undefined;
  const password = secret('INFLUX_PASSWORD', environment) ?? '';
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

/** A secret given as itself or, as containers hand them over, in a file. */
function secret(name: string, environment: Environment): string | undefined {
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
