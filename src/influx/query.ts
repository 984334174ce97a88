import type { QueriedPoint } from './query-point.js';
import { type InfluxTarget, isBucket } from './target.js';
import { queryFlux } from './query-flux.js';
import { queryInfluxQl } from './query-influxql.js';

export type { QueriedPoint } from './query-point.js';

/**
 * The points that a query finds, as the server sends them: InfluxQL for InfluxDB 1.x, Flux for 2.x. Integers and times are
 * exact, null fields are left out, and a row without fields is no point.
 *
 * Throws `refused` with the server's own words, `connection` if it cannot be reached or the connection breaks, and
 * `malformed` for a response that is not InfluxDB's, and for columns that no recording can hold or that are ambiguous.
 */
export function queryInflux(target: InfluxTarget, query: string): AsyncGenerator<QueriedPoint> {
  const { store } = target;
  return isBucket(store) ? queryFlux(target, store.org, query) : queryInfluxQl(target, store, query);
}
