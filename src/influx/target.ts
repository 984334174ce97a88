import { basicAuthorization, type Environment, readSecret } from '../http/credentials.js';
import { parseServerUrl, type ServerKind } from '../http/server-url.js';
import { UdfError } from '../model/errors.js';

/** A database of InfluxDB 1.x. */
export interface InfluxDatabase {
  readonly database: string;
  /** Empty for the database's default. */
  readonly retentionPolicy: string;
}

/** A bucket of InfluxDB 2.x. */
export interface InfluxBucket {
  readonly org: string;
  readonly bucket: string;
}

/** Where in an InfluxDB to write or read, and the credentials for it. */
export interface InfluxTarget {
  /** Scheme, host, port and the path before InfluxDB's own: `http://localhost:8086`. */
  readonly url: string;
  /** Also tells the server's version. */
  readonly store: InfluxDatabase | InfluxBucket;
  /** The value of the `Authorization` header; absent if none is needed. Never logged. */
  readonly authorization: string | undefined;
}

/** Whether a store is one of InfluxDB 2.x. */
export function isBucket(store: InfluxDatabase | InfluxBucket): store is InfluxBucket {
  return 'bucket' in store;
}

const kind: ServerKind = {
  what: 'an InfluxDB',
  example: 'http://localhost:8086?db=udf',
  credentials: 'INFLUX_TOKEN, or INFLUX_USERNAME and INFLUX_PASSWORD',
  unsupported: {
    precision: 'times are sent in nanoseconds',
    consistency: 'only clusters of InfluxDB Enterprise have it',
    epoch: 'times are read in nanoseconds',
    orgID: 'name the organisation with org',
  },
};

/**
 * Reads a target from a URL, `http://host:8086?db=NAME[&rp=NAME]` (InfluxDB 1.x) or `…?org=NAME&bucket=NAME` (2.x), and
 * credentials from the environment: `INFLUX_TOKEN`, or `INFLUX_USERNAME` with `INFLUX_PASSWORD`; each may instead be in
 * a file that `INFLUX_TOKEN_FILE`, `INFLUX_USERNAME_FILE` or `INFLUX_PASSWORD_FILE` names.
 *
 * Throws `invalid_config` for an invalid URL, one that names neither database nor bucket, credentials or an unknown
 * parameter in it, and if a file cannot be read.
 */
export function influxTarget(text: string, environment: Environment): InfluxTarget {
  const { base, parameters } = parseServerUrl(text, kind, ['db', 'rp', 'org', 'bucket']);
  const store = storeOf(base, parameters);
  const token = readSecret('INFLUX_TOKEN', environment);
  const authorization = token === undefined ? basicAuthorization('INFLUX', environment) : `Token ${token}`;
  return { url: base, store, authorization };
}

/** Reads the URL of an InfluxDB 1.x that names no database. Throws `invalid_config` as `influxTarget` does. */
export function influxServer(text: string): string {
  return parseServerUrl(text, {
    ...kind,
    example: 'http://localhost:8086',
    credentials: 'INFLUX_USERNAME and INFLUX_PASSWORD',
  }).base;
}

function storeOf(base: string, parameters: ReadonlyMap<string, string>): InfluxDatabase | InfluxBucket {
  const given = (name: string): string => parameters.get(name) ?? '';
  const database = given('db');
  const bucket = given('bucket');
  if ((database === '') === (bucket === '')) {
    throw new UdfError(
      'invalid_config',
      `${base}: name either ?db=DATABASE (InfluxDB 1.x) or ?org=ORG&bucket=BUCKET (2.x)`,
    );
  }
  const other = bucket === '' ? 'org' : 'rp';
  if (parameters.has(other)) {
    throw new UdfError(
      'invalid_config',
      `${base}: ${other} does not go with ${bucket === '' ? 'db (InfluxDB 1.x)' : 'bucket (InfluxDB 2.x)'}`,
    );
  }
  return bucket === '' ? { database, retentionPolicy: given('rp') } : { org: given('org'), bucket };
}

/** A target for logs, without credentials. */
export function describeTarget({ url, store }: InfluxTarget): string {
  return isBucket(store) ? `${url} bucket ${store.bucket}` : `${url} database ${store.database}`;
}
