import { hostname } from 'node:os';
import { Activity } from '../agent/activity.js';
import { parseHttpAddress } from '../host/http/address.js';
import { type HttpReply, type HttpRoute, type HttpServer, startHttpServer } from '../host/http/server.js';
import type { ServedUdf } from '../host/served-udf.js';
import { ServingProcess } from '../host/serving-process.js';
import { tuneV8 } from '../host/tune-v8.js';
import type { WatchdogSettings } from '../host/watchdog.js';
import type { Environment } from '../http/credentials.js';
import { checkWantsStream } from '../lines/line-udf.js';
import type { Logger } from '../telemetry/logger.js';
import { Cluster } from './client/cluster.js';
import { loadLibrary } from './client/library.js';
import { connectionProblem } from './client/topics.js';
import { formatMetrics } from './metrics.js';
import { readSecurity, type SecuritySettings } from './security.js';
import { KafkaWorker, type WorkerSettings } from './worker.js';

export interface KafkaOptions
  extends Omit<WorkerSettings, 'udf' | 'taskId' | 'activity'>, SecuritySettings, WatchdogSettings {
  /** `host:port` each. */
  readonly brokers: readonly string[];
  readonly environment: Environment;
  /** Milliseconds to commit and to give partitions up after SIGTERM or SIGINT. */
  readonly drainMs: number;
  /** Serves `/healthz`, `/readyz` and `/metrics` at this address; not served if not given. */
  readonly http?: string | undefined;
}

/**
 * Runs a UDF as a worker of a consumer group, until SIGTERM or SIGINT: it then commits what it has read and leaves the
 * group.
 *
 * Rejects with `usage` for a UDF that wants batches, unknown options, missing credentials and a missing client library;
 * `invalid_options`, `invalid_config`, `connection` and `refused` as `KafkaWorker.run`; and with what ends the UDF.
 */
export async function runKafka(load: () => Promise<ServedUdf>, options: KafkaOptions): Promise<void> {
  const { brokers, logger, log, stallLimitMs, drainMs, http, groupId } = options;
  tuneV8();
  const library = await loadLibrary();
  const udf = await load();
  checkWantsStream(udf.name, udf.wants, 'Kafka');
  const security = readSecurity(options, options.environment);
  const clientId = `kapacitor-udf-${hostname()}-${process.pid}`;
  const cluster = new Cluster(library, { brokers, clientId, ...security });
  const activity = new Activity();
  const worker = new KafkaWorker(cluster, { ...options, udf, taskId: groupId, activity });
  const definitions = udf.definition ? [udf.definition] : [];
  const serving = new ServingProcess({ activity, definitions, logger, log, drainMs, stallLimitMs });
  let endpoints: HttpServer | undefined;
  let timer: NodeJS.Timeout | undefined;
  try {
    endpoints = http === undefined ? undefined : await serveEndpoints(http, worker, logger);
    serving.watch();
    void serving.signal.then((signal) => {
      logger.info({ signal }, 'stopping');
      timer = setTimeout(() => {
        logger.warn({}, `not finished within ${drainMs} ms: the rest is left to the other workers`);
        worker.abort();
        void cluster.close();
      }, drainMs);
      void worker.stop();
    });
    await worker.run();
    logger.info({}, 'left the consumer group');
  } catch (reason) {
    throw connectionProblem(reason);
  } finally {
    clearTimeout(timer);
    await endpoints?.close();
    await cluster.close();
    serving.release();
  }
}

async function serveEndpoints(address: string, worker: KafkaWorker, logger: Logger): Promise<HttpServer> {
  const json = (status: number, value: object): HttpReply => ({
    status,
    contentType: 'application/json',
    body: `${JSON.stringify(value)}\n`,
  });
  const { createMetrics } = await import('../telemetry/metrics.js');
  const host = { accepted: 0, refused: 0, events: {}, udfs: [], uses: [] };
  const metrics = createMetrics(() => ({ stats: host, ready: worker.problem === undefined }));
  const server = await startHttpServer(
    parseHttpAddress(address),
    new Map<string, HttpRoute>([
      ['/healthz', () => json(200, { healthy: true })],
      [
        '/readyz',
        () => {
          const { problem } = worker;
          return problem === undefined
            ? json(200, { ready: true })
            : json(503, { ready: false, reason: problem });
        },
      ],
      [
        '/metrics',
        async () => ({
          status: 200,
          contentType: metrics.contentType,
          body: `${await metrics.text()}\n${formatMetrics(worker)}`,
        }),
      ],
    ]),
    logger,
  );
  logger.info({ url: server.url }, 'serving /healthz, /readyz and /metrics');
  return server;
}
