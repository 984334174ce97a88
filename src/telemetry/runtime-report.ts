import { hostname } from 'node:os';
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { OutageReports } from '../http/outage.js';
import { messageOf } from '../model/errors.js';
import type { AgentStats, HostStats, UdfStats, UseStats } from '../model/statistics.js';
import type { Logger } from './logger.js';
import { InfluxPoint, type InfluxWriter } from '../influx/writer.js';

export interface ReportOptions {
  readonly writer: InfluxWriter;
  readonly intervalMs: number;
  readonly logger: Logger;
  /** The current statistics. */
  readonly stats: () => Pick<HostStats, 'udfs' | 'uses' | 'deadLetters' | 'stateSaves'>;
}

export interface Report {
  /** Writes the last report, waiting at most 2 s for the server. Never rejects. */
  stop(): Promise<void>;
}

/** Sampling interval of the event loop's delay. */
const resolutionMs = 10;
/** Max time that the last report delays the end of the process. */
const lastReportTimeoutMs = 2_000;

/** Max points of one request; each is below 2 KiB unless its names are long. */
const maxRequestPoints = 500;

/**
 * Writes the runtime's own statistics to InfluxDB every `intervalMs`, as the measurements `kapacitor_udf` (one point per
 * UDF), `kapacitor_udf_use` (one per connected use of a UDF, by task and node, and a last one when it has ended) and
 * `kapacitor_udf_process`.
 *
 * Counters are cumulative, so no report is queued or retried: a failed one is dropped, and one that is due while another
 * is being written is skipped. The log has a line when writes start to fail, further ones at growing
 * intervals while they do, and one when they succeed again.
 */
export function startReport(options: ReportOptions): Report {
  const { writer, logger, stats, intervalMs } = options;
  // The event loop's delay bounds the latency of every response, keepalives included.
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  const connected = new ConnectedUses();
  const outageReports = new OutageReports({ firstIntervalMs: 60_000, maxIntervalMs: 3_600_000 });
  let writing: Promise<void> | undefined;

  const write = async (): Promise<void> => {
    try {
      const { udfs, uses, ...kept } = stats();
      const reported = connected.reported(uses);
      const ofProcess = withKept(processPoint(delay), kept);
      const lines = linesOf([...udfs.map(udfPoint), ...reported.map(usePoint), ofProcess]);
      for (let start = 0; start < lines.length; start += maxRequestPoints) {
        await writer.write(lines.slice(start, start + maxRequestPoints));
      }
      connected.written(reported);
      delay.reset();
      if (outageReports.ended() !== undefined) logger.info({}, 'telemetry is written again');
    } catch (err) {
      const outage = outageReports.failed(messageOf(err));
      if (!outage) return;
      const seconds = Math.round(outage.ms / 1_000);
      logger.warn({ seconds }, `telemetry cannot be written: ${outage.reason}; trying again`);
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

/** The uses that were connected at the last report. */
class ConnectedUses {
  #last = new Set<string>();

  /** The uses to report: those that are connected, or were at the last report. */
  reported(uses: readonly UseStats[]): readonly UseStats[] {
    return uses.filter((use) => use.task !== '' && (use.connections > 0 || this.#last.has(keyOf(use))));
  }

  written(reported: readonly UseStats[]): void {
    this.#last = new Set(reported.filter(({ connections }) => connections > 0).map(keyOf));
  }
}

function keyOf({ udf, task, node }: UseStats): string {
  return JSON.stringify([udf, task, node]);
}

function linesOf(points: readonly InfluxPoint[]): string[] {
  const now = `${Date.now()}000000`;
  const host = hostname();
  return points.map((point) => point.tag('host', host).timestamp(now).toLineProtocol()!); // every point has fields
}

function udfPoint({ udf, connections, stats }: UdfStats): InfluxPoint {
  return withStats(new InfluxPoint('kapacitor_udf').tag('udf', udf), connections, stats);
}

function usePoint({ udf, task, node, connections, stats }: UseStats): InfluxPoint {
  const point = new InfluxPoint('kapacitor_udf_use').tag('udf', udf).tag('task', task).tag('node', node);
  return withStats(point, connections, stats);
}

function withStats(point: InfluxPoint, connections: number, stats: AgentStats): InfluxPoint {
  point
    .intField('connections', connections)
    .intField('points_in', stats.pointsIn)
    .intField('points_out', stats.pointsOut)
    .intField('points_dropped', stats.pointsDropped)
    .intField('batches_in', stats.batchesIn)
    .intField('batches_out', stats.batchesOut)
    .intField('bytes_in', stats.bytesIn)
    .intField('bytes_out', stats.bytesOut)
    .intField('errors', stats.errors)
    .intField('failures', totalOf(stats.failures))
    .intField('groups', stats.groups)
    .intField('groups_expired', stats.groupsExpired)
    .intField('input_queue_bytes', stats.inputQueuedBytes)
    .intField('output_queue_bytes', stats.outputQueuedBytes)
    .floatField('handler_seconds', stats.handlerTime.seconds)
    .intField('snapshots', stats.snapshots)
    .intField('restarts', totalOf(stats.restarts));
  const { lastSnapshot } = stats;
  if (lastSnapshot) {
    point
      .intField('snapshot_bytes', lastSnapshot.bytes)
      .floatField('snapshot_seconds', lastSnapshot.seconds)
      .floatField('snapshot_age_seconds', Math.max(0, Date.now() - lastSnapshot.time) / 1000);
  }
  for (const [name, count] of Object.entries(stats.counters)) point.intField(`count_${name}`, count);
  return point;
}

function totalOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
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

/** Adds dead letters and saved states, where the host keeps them. */
function withKept(
  point: InfluxPoint,
  { deadLetters, stateSaves }: Pick<HostStats, 'deadLetters' | 'stateSaves'>,
): InfluxPoint {
  if (deadLetters) {
    point
      .intField('dead_letter_points', deadLetters.written)
      .intField('dead_letter_points_lost', deadLetters.lost)
      .intField('dead_letter_written_bytes', deadLetters.writtenBytes)
      .intField('dead_letter_write_errors', deadLetters.writeErrors)
      .intField('dead_letter_files_removed', deadLetters.removedFiles)
      .intField('dead_letter_size_bytes', deadLetters.bytes);
  }
  if (stateSaves) {
    const { lastSave } = stateSaves;
    point
      .intField('state_saves', stateSaves.saves)
      .intField('state_saved_bytes', stateSaves.savedBytes)
      .intField('state_save_errors', stateSaves.errors);
    if (lastSave !== undefined) {
      point.floatField('state_save_age_seconds', Math.max(0, Date.now() - lastSave) / 1000);
    }
  }
  return point;
}

/** Node reports the nanoseconds between two samples, so the sampling interval itself is subtracted. */
function latencyMs(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1_000_000 - resolutionMs);
}
