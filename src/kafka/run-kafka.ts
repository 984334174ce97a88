import { hostname } from 'node:os';
import { Activity } from '../agent/activity.js';
import { parseHttpAddress } from '../host/http/address.js';
import { type HttpReply, type HttpRoute, type HttpServer, startHttpServer } from '../host/http/server.js';
import type { ServedUdf } from '../host/served-udf.js';
import { ServingProcess } from '../host/serving-process.js';
import { tuneV8 } from '../host/tune-v8.js';
import type { WatchdogSettings } from '../host/watchdog.js';
import { UdfError } from '../model/errors.js';
import type { Environment } from '../http/credentials.js';
import { checkWantsStream } from '../lines/line-udf.js';
import type { Logger } from '../telemetry/logger.js';
import { brokerProblem } from './broker-problem.js';
import { Cluster } from './client/cluster.js';
import { loadLibrary } from './client/library.js';
import { checkCompression } from './client/requests.js';
import { jobName } from './job-name.js';
import { formatMetrics } from './metrics.js';
import { checkUdf } from './partition-udf.js';
import { readSecurity, type SecuritySettings } from './security.js';
import { checkTopics } from './topic-names.js';
import { KafkaWorker, type WorkerSettings } from './worker.js';

export interface KafkaOptions
  extends Omit<WorkerSettings, 'udf' | 'taskId' | 'job' | 'activity'>, SecuritySettings, WatchdogSettings {
  /** `host:port` each. */
  readonly brokers: readonly string[];
  readonly environment: Environment;
  /** Max time to commit and give partitions up after SIGTERM or SIGINT. */
  readonly drainMs: number;
  /** Serves `/healthz`, `/readyz` and `/metrics` at this address; not served if not given. */
  readonly http?: string | undefined;
}

/**
 * Runs a UDF as a worker of a consumer group, until SIGTERM or SIGINT: it then commits what it has read and leaves the
 * group.
 *
 * Rejects, before it contacts a broker, with `usage` for a UDF that wants batches, unknown options, topics that are the same or
 * no names of topics, a compression that Node.js lacks, missing credentials and a missing client library, and with
 * `invalid_options` for options that the UDF refuses; `invalid_config`, `connection` and `refused` as `KafkaWorker.run`; with
 * `connection` if it has not finished within `drainMs` after a signal; and with what ends the UDF.
 */
export async function runKafka(load: () => Promise<ServedUdf>, options: KafkaOptions): Promise<void> {
  const { brokers, logger, log, stallLimitMs, drainMs, http, groupId } = options;
  tuneV8();
  checkTopics(options);
  const library = await loadLibrary();
  checkCompression(library, options.compression);
  const udf = await load();
  checkWantsStream(udf.name, udf.wants, 'Kafka');
  const calls = await checkUdf({ ...options, udf, taskId: groupId });
  const stateVersion = udf.definition?.version ?? 1;
  const job = jobName({ udf: udf.name, stateVersion, calls, groupBy: options.groupBy, topics: options });
  const security = readSecurity(options, options.environment);
  const clientId = `kapacitor-udf-${hostname()}-${process.pid}`;
  const cluster = new Cluster(library, { brokers, clientId, ...security });
  const activity = new Activity();
  const worker = new KafkaWorker(cluster, { ...options, udf, taskId: groupId, job, activity });
  const definitions = udf.definition ? [udf.definition] : [];
  const serving = new ServingProcess({ activity, definitions, logger, log, drainMs, stallLimitMs });
  let endpoints: HttpServer | undefined;
  let timer: NodeJS.Timeout | undefined;
  let overdue: UdfError | undefined;
  const stopReporting = reportSilence(cluster, logger);
  try {
    endpoints = http === undefined ? undefined : await serveEndpoints(http, worker, logger);
    serving.watch();
    void serving.signal.then((signal) => {
      logger.info({ signal }, 'stopping');
      const abort = (): void => {
        worker.abort();
        void cluster.close();
      };
      if (cluster.silence && worker.partitions.length === 0) {
        abort();
        return;
      }
      timer = setTimeout(() => {
        const why = cluster.silence
          ? `the Kafka brokers do not answer: ${cluster.silence.text}`
          : 'a transaction is still under way';
        const rest = 'what is not committed is left to the next worker';
        overdue = new UdfError('connection', `not finished within ${drainMs} ms: ${why}; ${rest}`);
        abort();
      }, drainMs);
      void worker.stop();
    });
    const hasJoined = await worker.run();
    if (overdue) throw overdue; // set by the timer
    logger.info(
      {},
      hasJoined ? 'left the consumer group' : 'stopped before it had joined the consumer group',
    );
  } catch (reason) {
    throw overdue ?? brokerProblem(reason);
  } finally {
    clearTimeout(timer);
    stopReporting();
    await endpoints?.close();
    await cluster.close();
    serving.release();
  }
}

/** Max time without an answer before it is logged. */
const maxSilenceMs = 1_000;
/** Time between log lines while no broker answers. */
const reportIntervalMs = 10_000;

/** Logs that no broker answers, and that one does again, until the returned function is called. */
function reportSilence(cluster: Cluster, logger: Logger): () => void {
  let reportedAt: number | undefined;
  const timer = setInterval(() => {
    const { silence } = cluster;
    const now = performance.now();
    if (!silence) {
      if (reportedAt !== undefined) logger.info({}, 'the Kafka brokers answer again');
      reportedAt = undefined;
      return;
    }
    if (
      now - silence.since < maxSilenceMs ||
      (reportedAt !== undefined && now - reportedAt < reportIntervalMs)
    )
      return;
    reportedAt = now;
    const seconds = Math.round((now - silence.since) / 1000);
    logger.warn({ seconds }, `the Kafka brokers do not answer; trying again: ${silence.text}`);
  }, maxSilenceMs / 4);
  return () => {
    clearInterval(timer);
  };
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
