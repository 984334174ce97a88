import { UdfError } from '../model/errors.js';
import { kapacitorTarget } from '../kapacitor/target.js';
import type { Environment } from '../http/server-access.js';
import { type InfluxTarget, influxTarget } from '../influx/target.js';

export interface TargetOptions {
  readonly url?: string;
  readonly kapacitor?: string;
}

/**
 * Where to write. Kapacitor takes writes as InfluxDB 1.x does, but has credentials of its own. Throws `invalid_config`
 * for URLs that are none, and `usage` unless there is one.
 */
export function feedTarget({ url, kapacitor }: TargetOptions, environment: Environment): InfluxTarget {
  if ((url === undefined) === (kapacitor === undefined))
    throw new UdfError('usage', 'name either --url or --kapacitor');
  if (url !== undefined) return influxTarget(url, environment);
  const target = kapacitorTarget(kapacitor, environment);
  const given = new URL(kapacitor!).searchParams; // the other one is not given
  const database = given.get('db') ?? '';
  if (database === '')
    throw new UdfError('usage', `--kapacitor ${target.url}: name a database, ?db=NAME[&rp=NAME]`);
  const place = { database, retentionPolicy: given.get('rp') ?? '' };
  return { url: target.url, place, authorization: target.authorization };
}
