import { UdfError } from '../model/errors.js';
import { kapacitorKind } from '../kapacitor/target.js';
import { basicAuthorization, type Environment } from '../http/credentials.js';
import { parseServerUrl } from '../http/server-url.js';
import { type InfluxTarget, influxTarget } from '../influx/target.js';

export interface TargetOptions {
  /** An InfluxDB, as `influxTarget` reads it. */
  readonly url?: string | undefined;
  /** A Kapacitor: `http://HOST:9092?db=NAME[&rp=NAME]`. */
  readonly kapacitor?: string | undefined;
}

/**
 * The server to write to. Kapacitor takes writes as InfluxDB 1.x does, with credentials of its own. Throws `usage` unless
 * exactly one URL is given, and `invalid_config` for an invalid one.
 */
export function feedTarget({ url, kapacitor }: TargetOptions, environment: Environment): InfluxTarget {
  if (url !== undefined && kapacitor === undefined) return influxTarget(url, environment);
  if (kapacitor === undefined || url !== undefined) {
    throw new UdfError('usage', 'name either --url or --kapacitor');
  }
  const { base, parameters } = parseServerUrl(kapacitor, kapacitorKind, ['db', 'rp']);
  const database = parameters.get('db') ?? '';
  if (database === '') {
    throw new UdfError('invalid_config', `--kapacitor ${base}: name a database, ?db=NAME[&rp=NAME]`);
  }
  const store = { database, retentionPolicy: parameters.get('rp') ?? '' };
  return { url: base, store, authorization: basicAuthorization('KAPACITOR', environment) };
}
