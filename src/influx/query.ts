import type { QueriedPoint } from './query-point.js';
import { type InfluxTarget, isBucket } from './target.js';
import { queryFlux } from './query-flux.js';
import { queryInfluxQl } from './query-influxql.js';

export type { QueriedPoint } from './query-point.js';

/**
 * Yields the points of a query in the server's order: InfluxQL for InfluxDB 1.x, Flux for 2.x. Integers and times are exact;
 * null fields and rows without fields are skipped.
 *
 * Throws `refused` with the server's message, `connection` if the server is unreachable or the connection breaks, and
 * `malformed` for an invalid response, or a column that is ambiguous or that a recording cannot hold.
 */
export function queryInflux(target: InfluxTarget, query: string): AsyncGenerator<QueriedPoint> {
  const { store } = target;
  return isBucket(store) ? queryFlux(target, store.org, query) : queryInfluxQl(target, store, query);
}
