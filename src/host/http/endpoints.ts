import type { Logger } from '../../telemetry/logger.js';
import { parseHttpAddress } from './address.js';
import { json, livePage, namedLocally, type ObservedHost } from './page.js';
import { type HttpReply, type HttpRoute, type HttpServer, startHttpServer } from './server.js';

/** Metrics are made at most so often that they take a twentieth of the time. */
const minMetricsAgeFactor = 19;

/**
 * Serves `/healthz`, `/readyz` and `/metrics` of a host, and the live page at `/`, which shows points as `showsPoints` says.
 * Throws `invalid_config`, and what `startHttpServer` throws.
 */
export async function startEndpoints(
  address: string,
  host: ObservedHost,
  logger: Logger,
  showsPoints?: boolean,
): Promise<HttpServer> {
  const parsed = parseHttpAddress(address);
  const { createMetrics } = await import('../../telemetry/metrics.js');
  const metrics = createMetrics(() => ({ stats: host.stats, ready: host.readiness.ready }));
  const page = livePage(parsed, host, showsPoints);
  const metricsText = limitedRate(() => metrics.text());
  const metricsRoute: HttpRoute = async () => ({
    status: 200,
    contentType: metrics.contentType,
    body: await metricsText(),
  });
  const routes = new Map<string, HttpRoute>([
    ['/healthz', () => json(200, { healthy: true })],
    ['/readyz', () => readinessAnswer(host)],
    ['/metrics', namedLocally(parsed, showsPoints, metricsRoute)],
    ...page.routes,
  ]);
  const server = await startHttpServer(parsed, routes, logger);
  return {
    url: server.url,
    close: () => {
      page.close();
      return server.close();
    },
  };
}

function readinessAnswer({ readiness }: ObservedHost): HttpReply {
  return json(readiness.ready ? 200 : 503, readiness);
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
