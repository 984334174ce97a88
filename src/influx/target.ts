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

/** A database or bucket to write or read, with credentials. */
export interface InfluxTarget {
  /** Scheme, host, port and path prefix: `http://localhost:8086`. */
  readonly url: string;
  /** Its type implies the server's version. */
  readonly store: InfluxDatabase | InfluxBucket;
  /** The `Authorization` header, if any. Never logged. */
  readonly authorization: string | undefined;
}

/** Whether a store is a bucket of InfluxDB 2.x. */
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
 * credentials from the environment: `INFLUX_TOKEN`, or `INFLUX_USERNAME` and `INFLUX_PASSWORD`, or the file that the
 * variable with the suffix `_FILE` names.
 *
 * Throws `invalid_config` for an invalid URL, a URL with credentials, unknown parameters or neither database nor bucket,
 * and an unreadable file.
 */
export function influxTarget(text: string, environment: Environment): InfluxTarget {
  const { base, parameters } = parseServerUrl(text, kind, ['db', 'rp', 'org', 'bucket']);
  const store = storeOf(base, parameters);
  const token = readSecret('INFLUX_TOKEN', environment);
  const authorization = token === undefined ? basicAuthorization('INFLUX', environment) : `Token ${token}`;
  return { url: base, store, authorization };
}

/** Parses the URL of an InfluxDB 1.x without a database. Throws `invalid_config` as `influxTarget` does. */
export function influxServer(text: string): string {
  return parseServerUrl(text, {
    ...kind,
    example: 'http://localhost:8086',
    credentials: 'INFLUX_USERNAME and INFLUX_PASSWORD',
  }).base;
}

function storeOf(base: string, parameters: ReadonlyMap<string, string>): InfluxDatabase | InfluxBucket {
  const parameter = (name: string): string => parameters.get(name) ?? '';
  const database = parameter('db');
  const bucket = parameter('bucket');
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
  return bucket === '' ? { database, retentionPolicy: parameter('rp') } : { org: parameter('org'), bucket };
}

/** Describes a target for logs, without credentials. */
export function describeTarget({ url, store }: InfluxTarget): string {
  return isBucket(store) ? `${url} bucket ${store.bucket}` : `${url} database ${store.database}`;
}
