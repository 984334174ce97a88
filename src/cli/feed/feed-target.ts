import { kapacitorTarget } from '../../kapacitor/target.js';
import { type Environment, type InfluxTarget, influxTarget } from '../../telemetry/influx/influx-target.js';
import { UsageError } from '../usage-error.js';

export interface TargetOptions {
  readonly url?: string;
  readonly kapacitor?: string;
}

/**
 * Where to write. Kapacitor takes writes as InfluxDB 1.x does, but has credentials of its own. Throws `invalid_config`
 * for URLs that are none, and `UsageError` unless there is one.
 */
export function feedTarget({ url, kapacitor }: TargetOptions, environment: Environment): InfluxTarget {
  if ((url === undefined) === (kapacitor === undefined))
    throw new UsageError('name either --url or --kapacitor');
  if (url !== undefined) return influxTarget(url, environment);
  const { place } = influxTarget(kapacitor!, {}); // the other one is not given
  if ('bucket' in place) throw new UsageError('--kapacitor: name its database, ?db=NAME[&rp=NAME]');
  const { authorization, ...target } = kapacitorTarget(kapacitor, environment);
  return { url: target.url, place, authorization };
}
