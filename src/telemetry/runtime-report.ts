import { hostname } from 'node:os';
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { messageOf } from '../model/errors.js';
import type { UdfStats } from '../model/statistics.js';
import type { Logger } from './logger.js';
import { InfluxPoint, type InfluxWriter } from '../influx/writer.js';

export interface ReportOptions {
  readonly writer: InfluxWriter;
  readonly intervalMs: number;
  readonly logger: Logger;
  /** The current statistics of each UDF. */
  readonly stats: () => readonly UdfStats[];
}

export interface Report {
  /** Writes the last report, waiting at most 2 s for the server. Never rejects. */
  stop(): Promise<void>;
}

/** Sampling interval of the event loop's delay. */
const resolutionMs = 10;
/** Max time that the last report delays the end of the process. */
const lastReportTimeoutMs = 2_000;

/**
 * Writes the runtime's own statistics to InfluxDB every `intervalMs`, as the measurements `kapacitor_udf` (one point per
 * UDF) and `kapacitor_udf_process`.
 *
 * Counters are cumulative, so no report is queued or retried: a failed one is dropped, and one that is due while another
 * is being written is skipped. The log has one line when writes start to fail and one when they succeed again.
 */
export function startReport(options: ReportOptions): Report {
  const { writer, logger, stats, intervalMs } = options;
  // The event loop's delay bounds the latency of every response, keepalives included.
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  let failing = false;
  let writing: Promise<void> | undefined;

  const write = async (): Promise<void> => {
    try {
      await writer.write(lines(stats(), delay));
      delay.reset();
      if (failing) logger.info({}, 'telemetry arrives again');
      failing = false;
    } catch (err) {
      if (!failing) logger.warn({}, `telemetry does not arrive: ${messageOf(err)}; trying on`);
      failing = true;
    }
  };
  const report = (): Promise<void> => {
    writing ??= write().finally(() => {
      writing = undefined;
    });
    return writing;
  };

  const timer = setInterval(() => void report(), intervalMs).unref();
  return {
    async stop() {
      clearInterval(timer);
      delay.disable();
      let limit: NodeJS.Timeout | undefined;
      const timeUp = new Promise<void>((resolve) => {
        limit = setTimeout(resolve, lastReportTimeoutMs);
      });
      await Promise.race([Promise.resolve(writing).then(report), timeUp]);
      clearTimeout(limit);
    },
  };
}

function lines(udfs: readonly UdfStats[], delay: IntervalHistogram): string[] {
  const now = `${Date.now()}000000`;
  return [...udfs.map(udfPoint), processPoint(delay)].map(
    (point) => point.tag('host', hostname()).timestamp(now).toLineProtocol()!, // every point has fields
  );
}

function udfPoint({ udf, connections, stats }: UdfStats): InfluxPoint {
  const point = new InfluxPoint('kapacitor_udf')
    .tag('udf', udf)
    .intField('connections', connections)
    .intField('points_in', stats.pointsIn)
    .intField('points_out', stats.pointsOut)
    .intField('batches_in', stats.batchesIn)
    .intField('batches_out', stats.batchesOut)
    .intField('bytes_in', stats.bytesIn)
    .intField('bytes_out', stats.bytesOut)
    .intField('errors', stats.errors)
    .intField('groups', stats.groups);
  for (const [name, count] of Object.entries(stats.counters)) point.intField(`count_${name}`, count);
  return point;
}

function processPoint(delay: IntervalHistogram): InfluxPoint {
  const { rss, heapUsed } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  return new InfluxPoint('kapacitor_udf_process')
    .floatField('latency_p50_ms', latencyMs(delay.percentile(50)))
    .floatField('latency_p99_ms', latencyMs(delay.percentile(99)))
    .floatField('latency_max_ms', latencyMs(delay.max))
    .floatField('cpu_seconds', (user + system) / 1e6)
    .intField('rss_bytes', rss)
    .intField('heap_bytes', heapUsed);
}

/** Node reports the nanoseconds between two samples, so the sampling interval itself is subtracted. */
function latencyMs(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1_000_000 - resolutionMs);
}
