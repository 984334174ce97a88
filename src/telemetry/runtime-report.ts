import { hostname } from 'node:os';
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { messageOf } from '../model/errors.js';
import type { Logger } from './logger.js';
import { InfluxPoint, type InfluxWriter } from '../influx/writer.js';

/** What a UDF has done since the start, over all its connections. */
export interface UdfFigures {
  readonly udf: string;
  /** Open now. */
  readonly connections: number;
  readonly pointsIn: number;
  readonly pointsOut: number;
  readonly batchesIn: number;
  readonly batchesOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly errors: number;
  /** Whose state is held now. */
  readonly groups: number;
  /** The UDF's own counters. */
  readonly counters: Readonly<Record<string, number>>;
}

export interface ReportOptions {
  readonly writer: InfluxWriter;
  readonly intervalMs: number;
  readonly logger: Logger;
  readonly figures: () => readonly UdfFigures[];
}

export interface Report {
  /** Writes the last figures, if the server takes them soon. Never rejects. */
  stop(): Promise<void>;
}

/** How often the event loop's delay is looked at. */
const resolutionMs = 10;
/** How long the last report may hold up the end of the process. */
const lastReportMs = 2_000;

/**
 * Writes the runtime's own figures to InfluxDB at regular times, as the measurements `kapacitor_udf` (one point a UDF)
 * and `kapacitor_udf_process`.
 *
 * Only the newest figures count, so nothing is queued: a report that fails is dropped, with one line in the log when
 * reports begin to fail and one when they arrive again; while one is under way the next is left out.
 */
export function startReport(options: ReportOptions): Report {
  const { writer, logger, figures, intervalMs } = options;
  // The longest that anything waits for the process, keepalives included, is the event loop's own delay.
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  let failing = false;
  let writing: Promise<void> | undefined;

  const write = async (): Promise<void> => {
    try {
      await writer.write(lines(figures(), delay));
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
        limit = setTimeout(resolve, lastReportMs);
      });
      await Promise.race([Promise.resolve(writing).then(report), timeUp]);
      clearTimeout(limit);
    },
  };
}

function lines(udfs: readonly UdfFigures[], delay: IntervalHistogram): string[] {
  const now = `${Date.now()}000000`;
  return [...udfs.map(udfPoint), processPoint(delay)].map(
    (point) => point.tag('host', hostname()).timestamp(now).toLineProtocol()!, // every point has fields
  );
}

function udfPoint(udf: UdfFigures): InfluxPoint {
  const point = new InfluxPoint('kapacitor_udf')
    .tag('udf', udf.udf)
    .intField('connections', udf.connections)
    .intField('points_in', udf.pointsIn)
    .intField('points_out', udf.pointsOut)
    .intField('batches_in', udf.batchesIn)
    .intField('batches_out', udf.batchesOut)
    .intField('bytes_in', udf.bytesIn)
    .intField('bytes_out', udf.bytesOut)
    .intField('errors', udf.errors)
    .intField('groups', udf.groups);
  for (const [name, count] of Object.entries(udf.counters)) point.intField(`count_${name}`, count);
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

/** Node measures from one look to the next, in nanoseconds: the time between two that are on time is no delay. */
function latencyMs(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1_000_000 - resolutionMs);
}
