import { UdfError } from '../model/errors.js';
import {
  baseOf,
  basicAuthorization,
  type Environment,
  fromEnvironment,
  parseServerUrl,
  type ServerKind,
} from '../http/server-access.js';

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

const kind: ServerKind = {
  what: 'an InfluxDB',
  example: 'http://localhost:8086?db=udf',
  credentials: 'INFLUX_TOKEN, or INFLUX_USERNAME and INFLUX_PASSWORD',
};

/**
 * Reads a target from a URL, `http://host:8086?db=NAME[&rp=NAME]` (InfluxDB 1.x) or `…?org=NAME&bucket=NAME` (2.x), and
 * credentials from the environment: `INFLUX_TOKEN`, or `INFLUX_USERNAME` with `INFLUX_PASSWORD`; each may instead be in
 * a file that `INFLUX_TOKEN_FILE`, `INFLUX_USERNAME_FILE` or `INFLUX_PASSWORD_FILE` names.
 *
 * Throws `invalid_config` for a URL that is none or names no place, for credentials in it (a command line can be read
 * by every user of the machine), and for a file that cannot be read.
 */
export function influxTarget(text: string, environment: Environment): InfluxTarget {
  const url = parseServerUrl(text, kind);
  const given = (name: string): string => url.searchParams.get(name) ?? '';
  const database = given('db');
  const bucket = given('bucket');
  if ((database === '') === (bucket === '')) {
    throw new UdfError(
      'invalid_config',
      `${url.host + url.pathname}: name either ?db=DATABASE (InfluxDB 1.x) or ?org=ORG&bucket=BUCKET (2.x)`,
    );
  }
  const place = bucket === '' ? { database, retentionPolicy: given('rp') } : { org: given('org'), bucket };
  const token = fromEnvironment('INFLUX_TOKEN', environment);
  const authorization = token === undefined ? basicAuthorization('INFLUX', environment) : `Token ${token}`;
  return { url: baseOf(url), place, authorization };
}

/** A target as it is logged. */
export function describeTarget({ url, place }: InfluxTarget): string {
  if ('bucket' in place) return `${url} bucket ${place.bucket}`;
  return `${url} database ${place.database}`;
}
