import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type AgentStats,
  handlerTimeBounds,
  type HostStats,
  noStats,
  type UseStats,
} from '../../src/model/statistics.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { type Metric, parsePrometheus, valueOf } from '../support/prometheus-text.js';

function use(stats: Partial<AgentStats> = {}, names: Partial<UseStats> = {}): UseStats {
  return {
    udf: 'mirror',
    task: 'cpu',
    node: 'udf2',
    connections: 1,
    ...names,
    stats: { ...noStats, ...stats },
  };
}

function hostOf(uses: readonly UseStats[]): HostStats {
  return { accepted: 3, refused: 1, events: { task_revived: 2 }, udfs: [], uses };
}

async function metricsOf(...uses: UseStats[]): Promise<ReadonlyMap<string, Metric>> {
  return parsePrometheus(await createMetrics(() => ({ stats: hostOf(uses), ready: true })).text());
}

const cpu = { udf: 'mirror', task: 'cpu', node: 'udf2' };

describe('the metrics of a host', () => {
  test('have the numbers of each use, labelled with its UDF, task and node', async () => {
    const metrics = await metricsOf(
      use({
        pointsIn: 10,
        pointsOut: 9,
        pointsDropped: 1,
        batchesIn: 2,
        batchesOut: 3,
        bytesIn: 1000,
        bytesOut: 900,
        errors: 4,
        groups: 5,
        groupsExpired: 6,
        inputQueuedBytes: 7,
        outputQueuedBytes: 8,
        snapshots: 2,
        lastSnapshot: { time: 1_700_000_000_500, bytes: 512, seconds: 0.25 },
        counters: { late: 11, missing: 12 },
      }),
    );
    const values = Object.fromEntries([...metrics.keys()].map((name) => [name, valueOf(metrics, name, cpu)]));
    expect(values).toMatchObject({
      kapacitor_udf_connections: 1,
      kapacitor_udf_points_received_total: 10,
      kapacitor_udf_points_sent_total: 9,
      kapacitor_udf_points_dropped_total: 1,
      kapacitor_udf_points_late_total: 11,
      kapacitor_udf_batches_received_total: 2,
      kapacitor_udf_batches_sent_total: 3,
      kapacitor_udf_received_bytes_total: 1000,
      kapacitor_udf_sent_bytes_total: 900,
      kapacitor_udf_handler_errors_total: 4,
      kapacitor_udf_groups: 5,
      kapacitor_udf_groups_expired_total: 6,
      kapacitor_udf_input_queue_bytes: 7,
      kapacitor_udf_output_queue_bytes: 8,
      kapacitor_udf_snapshots_total: 2,
      kapacitor_udf_last_snapshot_timestamp_seconds: 1_700_000_000.5,
      kapacitor_udf_last_snapshot_size_bytes: 512,
      kapacitor_udf_last_snapshot_duration_seconds: 0.25,
    });
    expect(valueOf(metrics, 'kapacitor_udf_events_total', { ...cpu, counter: 'missing' })).toBe(12);
  });

  test('have failures by code, and worker restarts by cause', async () => {
    const metrics = await metricsOf(
      use({ failures: { handler: 2, limit: 1 }, restarts: { 'out-of-memory': 3 } }),
    );
    const failures = 'kapacitor_udf_connection_failures_total';
    expect(valueOf(metrics, failures, { ...cpu, code: 'handler' })).toBe(2);
    expect(valueOf(metrics, failures, { ...cpu, code: 'limit' })).toBe(1);
    const restarts = 'kapacitor_udf_worker_restarts_total';
    expect(valueOf(metrics, restarts, { ...cpu, cause: 'out-of-memory' })).toBe(3);
  });

  test('have a histogram of handler time, whose buckets add up to its count', async () => {
    const counts = [5, 4, 0, 0, 0, 0, 0, 2, 1];
    const metrics = await metricsOf(use({ handlerTime: { seconds: 99.5, counts } }));
    const name = 'kapacitor_udf_handler_duration_seconds';
    expect(metrics.get(name)!.type).toBe('histogram');
    const buckets = [...handlerTimeBounds.map(String), '+Inf'].map((le) =>
      valueOf(metrics, `${name}_bucket`, { ...cpu, le }),
    );
    expect(buckets).toEqual([5, 9, 9, 9, 9, 9, 9, 11, 12]);
    expect(valueOf(metrics, `${name}_sum`, cpu)).toBe(99.5);
    expect(valueOf(metrics, `${name}_count`, cpu)).toBe(12);
  });

  test('leave out the snapshot of a use that had none', async () => {
    const metrics = await metricsOf(use());
    expect(metrics.get('kapacitor_udf_last_snapshot_timestamp_seconds')!.samples).toEqual([]);
    expect(valueOf(metrics, 'kapacitor_udf_snapshots_total', cpu)).toBe(0);
  });

  test('have those of the process: event-loop lag, memory, CPU time', async () => {
    const metrics = await metricsOf();
    for (const name of [
      'nodejs_eventloop_lag_p99_seconds',
      'process_resident_memory_bytes',
      'process_cpu_seconds_total',
    ]) {
      expect(valueOf(metrics, name), name).toBeGreaterThanOrEqual(0);
    }
    expect(valueOf(metrics, 'kapacitor_udf_host_ready')).toBe(1);
    expect(valueOf(metrics, 'kapacitor_udf_host_connections_accepted_total')).toBe(3);
    expect(valueOf(metrics, 'kapacitor_udf_host_connections_refused_total')).toBe(1);
    expect(valueOf(metrics, 'kapacitor_udf_host_events_total', { event: 'task_revived' })).toBe(2);
    expect(valueOf(metrics, 'kapacitor_udf_log_lines_dropped_total')).toBeGreaterThanOrEqual(0);
  });

  test('have the dead letters and saved states of a host that keeps them, and of no other', async () => {
    const deadLetters = {
      written: 7,
      writtenBytes: 700,
      lost: 2,
      writeErrors: 3,
      removedFiles: 1,
      bytes: 600,
    };
    const stateSaves = { saves: 4, savedBytes: 400, errors: 1, lastSave: 1_700_000_000_500 };
    const read = () => ({ stats: { ...hostOf([]), deadLetters, stateSaves }, ready: true });
    const metrics = parsePrometheus(await createMetrics(read).text());
    const expected = {
      dead_letter_points_total: 7,
      dead_letter_points_lost_total: 2,
      dead_letter_written_bytes_total: 700,
      dead_letter_write_errors_total: 3,
      dead_letter_files_removed_total: 1,
      dead_letter_size_bytes: 600,
      state_saves_total: 4,
      state_saved_bytes_total: 400,
      state_save_errors_total: 1,
      last_state_save_timestamp_seconds: 1_700_000_000.5,
    };
    const none = await metricsOf();
    for (const [name, value] of Object.entries(expected)) {
      expect(valueOf(metrics, `kapacitor_udf_${name}`), name).toBe(value);
      expect(none.get(`kapacitor_udf_${name}`)!.samples, name).toEqual([]);
    }
  });

  test('follow the conventions: counters and only they end with _total, and each has a help text', async () => {
    for (const [name, { type, help }] of await metricsOf(use())) {
      if (!name.startsWith('kapacitor_udf_')) continue;
      expect(name.endsWith('_total'), name).toBe(type === 'counter');
      expect(help.length, name).toBeGreaterThan(10);
      expect(name).not.toMatch(/_(ms|milliseconds|kb|mb)(_|$)/);
    }
  });

  test('are valid text whatever a task, node or counter is called', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'grapheme' }),
        fc.string({ unit: fc.constantFrom('"', '\\', '\n', '{', '}', ',', '=', ' ', 'n') }),
        fc.string(),
        async (task, node, counter) => {
          const metrics = await metricsOf(use({ counters: { [counter]: 3 } }, { task, node }));
          expect(valueOf(metrics, 'kapacitor_udf_connections', { task, node })).toBe(1);
          expect(valueOf(metrics, 'kapacitor_udf_events_total', { task, node, counter })).toBe(3);
        },
      ),
      { numRuns: 50 },
    );
  });

  test('are each host’s own: two hosts in one process do not mix', async () => {
    const [one, other] = [1, 2].map((points) =>
      createMetrics(() => ({ stats: hostOf([use({ pointsIn: points })]), ready: false })),
    );
    const read = async (metrics: typeof one): Promise<number | undefined> =>
      valueOf(parsePrometheus(await metrics!.text()), 'kapacitor_udf_points_received_total', cpu);
    expect([await read(one), await read(other), await read(one)]).toEqual([1, 2, 1]);
  });
});

test('the parser that these tests rely on refuses what Prometheus refuses', () => {
  for (const text of [
    'kapacitor_udf_groups 1',
    '# HELP a A.\n# TYPE a counter\nb 1\n',
    '# HELP a A.\n# TYPE a counter\na 1\na 2\n',
    '# HELP a A.\n# TYPE a counter\na{x="1} 1\n',
    '# HELP a A.\n# TYPE a counter\na{x="\n"} 1\n',
    '# HELP a A.\n# TYPE a counter\na one\n',
    '# HELP a A.\n# TYPE a whole\na 1\n',
  ]) {
    expect(() => parsePrometheus(text), text).toThrow();
  }
});
