import type { Logger } from '../../telemetry/logger.js';
import type { Metrics } from '../../telemetry/metrics.js';
import type { Host } from '../host-options.js';
import { parseHttpAddress } from './address.js';
import {
  type HttpReply,
  type HttpRoute,
  type HttpRoutes,
  type HttpServer,
  startHttpServer,
} from './server.js';

/** A host, as its endpoints see it. */
export type ObservedHost = Pick<Host, 'stats' | 'readiness'>;

/** Metrics are made at most so often that they take a twentieth of the time. */
const minMetricsAgeFactor = 19;

/** Serves `/healthz`, `/readyz` and `/metrics` of a host. Throws `invalid_config`, and what `startHttpServer` throws. */
export async function startEndpoints(
  address: string,
  host: ObservedHost,
  logger: Logger,
): Promise<HttpServer> {
  const parsed = parseHttpAddress(address);
  const { createMetrics } = await import('../../telemetry/metrics.js');
  const metrics = createMetrics(() => ({ stats: host.stats, ready: host.readiness.ready }));
  return startHttpServer(parsed, endpoints(host, metrics), logger);
}

function endpoints(host: ObservedHost, metrics: Metrics): HttpRoutes {
  const metricsText = limitedRate(() => metrics.text());
  return new Map<string, HttpRoute>([
    ['/healthz', () => json(200, { healthy: true })],
    [
      '/readyz',
      () => {
        const { readiness } = host;
        return json(readiness.ready ? 200 : 503, readiness);
      },
    ],
    ['/metrics', async () => ({ status: 200, contentType: metrics.contentType, body: await metricsText() })],
  ]);
}

function json(status: number, value: object): HttpReply {
  return { status, contentType: 'application/json', body: `${JSON.stringify(value)}\n` };
}

/** Calls `make` again only once its last result is old enough: clients that ask all the time do not keep the host busy. */
function limitedRate(make: () => Promise<string>): () => Promise<string> {
  let last: Promise<string> | undefined;
  let until = 0;
  return () => {
    if (last && performance.now() < until) return last;
    const start = performance.now();
    until = Infinity;
    last = make().finally(() => {
      const now = performance.now();
      until = now + minMetricsAgeFactor * (now - start);
    });
    return last;
  };
}
