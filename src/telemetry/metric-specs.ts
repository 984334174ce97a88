import { droppedLines } from './standard-output.js';
import { type AgentStats, handlerTimeBounds, type HostStats, type UseStats } from '../model/statistics.js';

/** What the metrics are read from. */
export interface MetricsSource {
  readonly stats: HostStats;
  /** Whether the host accepts connections on all of its sockets. */
  readonly ready: boolean;
}

/** What one scrape reads. */
export interface Scrape extends MetricsSource {
  readonly uses: readonly LabelledUse[];
}

interface LabelledUse extends UseStats {
  /** One object for all values of the use: the registry formats it once. */
  readonly sharedLabels: Readonly<Record<string, string>>;
}

/** A value of a metric. */
export interface Value {
  readonly sharedLabels?: LabelledUse['sharedLabels'];
  /** Those besides the shared ones. */
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  /** What the name of a histogram's part ends with. */
  readonly suffix?: string;
}

interface MetricSpec {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly values: (scrape: Scrape) => readonly Value[];
}

export function scrapeOf(source: MetricsSource): Scrape {
  const uses = source.stats.uses.map((use) => {
    const { udf, task, node } = use;
    return { ...use, sharedLabels: { udf, task, node } };
  });
  return { ...source, uses };
}

// ---- what is read from the statistics ----

type Counts = Readonly<Record<string, number>>;

/** A number of each use; `undefined` is left out. */
function each(
  type: 'counter' | 'gauge',
  name: string,
  help: string,
  read: (stats: AgentStats, use: UseStats) => number | undefined,
): MetricSpec {
  const values = ({ uses }: Scrape): Value[] =>
    uses.flatMap((use) => {
      const value = read(use.stats, use);
      return value === undefined ? [] : [{ sharedLabels: use.sharedLabels, labels: {}, value }];
    });
  return { name, help, type, values };
}

/** A number by `label` of each use. */
function eachBy(label: string, name: string, help: string, read: (stats: AgentStats) => Counts): MetricSpec {
  const values = ({ uses }: Scrape): Value[] =>
    uses.flatMap(({ stats, sharedLabels }) =>
      Object.entries(read(stats)).map(([key, value]) => ({ sharedLabels, labels: { [label]: key }, value })),
    );
  return { name, help, type: 'counter', values };
}

/** A number of the host; `undefined` is left out. */
function ofHost(
  type: 'counter' | 'gauge',
  name: string,
  help: string,
  read: (source: MetricsSource) => number | undefined,
): MetricSpec {
  const values = (source: MetricsSource): Value[] => {
    const value = read(source);
    return value === undefined ? [] : [{ labels: {}, value }];
  };
  return { name, help, type, values };
}

/** Dead letters and saved states, where the host keeps them. */
const keptSpecs: readonly MetricSpec[] = [
  ofHost(
    'counter',
    'dead_letter_points_total',
    'Dropped points that were written as dead letters.',
    ({ stats }) => stats.deadLetters?.written,
  ),
  ofHost(
    'counter',
    'dead_letter_points_lost_total',
    'Dropped points that could not be written as dead letters.',
    ({ stats }) => stats.deadLetters?.lost,
  ),
  ofHost(
    'counter',
    'dead_letter_written_bytes_total',
    'Bytes of dead letters that were written.',
    ({ stats }) => stats.deadLetters?.writtenBytes,
  ),
  ofHost(
    'counter',
    'dead_letter_write_errors_total',
    'Failed writes of dead letters; each is tried again.',
    ({ stats }) => stats.deadLetters?.writeErrors,
  ),
  ofHost(
    'counter',
    'dead_letter_files_removed_total',
    'Files of dead letters that were removed to keep the limit.',
    ({ stats }) => stats.deadLetters?.removedFiles,
  ),
  ofHost(
    'gauge',
    'dead_letter_size_bytes',
    'Size of all files of dead letters.',
    ({ stats }) => stats.deadLetters?.bytes,
  ),
  ofHost(
    'counter',
    'state_saves_total',
    'States that were saved to the state directory.',
    ({ stats }) => stats.stateSaves?.saves,
  ),
  ofHost(
    'counter',
    'state_saved_bytes_total',
    'Bytes of states that were saved.',
    ({ stats }) => stats.stateSaves?.savedBytes,
  ),
  ofHost(
    'counter',
    'state_save_errors_total',
    'Failed saves of states; each is tried again.',
    ({ stats }) => stats.stateSaves?.errors,
  ),
  ofHost(
    'gauge',
    'last_state_save_timestamp_seconds',
    'Time of the last save of a state, in seconds since the epoch.',
    ({ stats: { stateSaves } }) => stateSaves?.lastSave && stateSaves.lastSave / 1000,
  ),
];

/** A histogram's buckets are cumulative: each counts what is at most its bound. */
function handlerTimeValues({ uses }: Scrape): Value[] {
  return uses.flatMap(({ stats, sharedLabels }) => {
    const { seconds, counts } = stats.handlerTime;
    let count = 0;
    const buckets = counts.map((inBucket, index) => ({
      sharedLabels,
      labels: { le: handlerTimeBounds[index] ?? '+Inf' },
      value: (count += inBucket),
      suffix: '_bucket',
    }));
    return [
      ...buckets,
      { sharedLabels, labels: {}, value: seconds, suffix: '_sum' },
      { sharedLabels, labels: {}, value: count, suffix: '_count' },
    ];
  });
}

/** The metrics of a host. Names and units follow Prometheus' conventions. */
export const metricSpecs: readonly MetricSpec[] = [
  ofHost('gauge', 'host_ready', 'Whether the host accepts connections on all of its sockets.', ({ ready }) =>
    ready ? 1 : 0,
  ),
  ofHost(
    'counter',
    'host_connections_accepted_total',
    'Connections to any socket.',
    ({ stats }) => stats.accepted,
  ),
  ofHost(
    'counter',
    'host_connections_refused_total',
    'Connections refused because too many were open (maxConnections).',
    ({ stats }) => stats.refused,
  ),
  {
    name: 'host_events_total',
    help: 'What happened to the host that has a line of the log, by kind.',
    type: 'counter',
    values: ({ stats }) =>
      Object.entries(stats.events).map(([event, value]) => ({ labels: { event }, value })),
  },
  ofHost(
    'counter',
    'log_lines_dropped_total',
    'Lines of the log, and printed ones, that were dropped because they were not read in time.',
    droppedLines,
  ),
  each('gauge', 'connections', 'Open connections.', (_, { connections }) => connections),
  each('counter', 'points_received_total', 'Points from Kapacitor.', ({ pointsIn }) => pointsIn),
  each('counter', 'points_sent_total', 'Points to Kapacitor.', ({ pointsOut }) => pointsOut),
  each(
    'counter',
    'points_dropped_total',
    'Points that a handler failed on and the error policy dropped.',
    ({ pointsDropped }) => pointsDropped,
  ),
  each(
    'counter',
    'points_late_total',
    'Points older than the newest of their group, as the UDF counts them (its counter late).',
    ({ counters }) => counters.late ?? 0,
  ),
  each('counter', 'batches_received_total', 'Batches from Kapacitor.', ({ batchesIn }) => batchesIn),
  each('counter', 'batches_sent_total', 'Batches to Kapacitor.', ({ batchesOut }) => batchesOut),
  each('counter', 'received_bytes_total', 'Bytes from Kapacitor.', ({ bytesIn }) => bytesIn),
  each('counter', 'sent_bytes_total', 'Bytes to Kapacitor.', ({ bytesOut }) => bytesOut),
  each('counter', 'handler_errors_total', 'Handler calls that failed.', ({ errors }) => errors),
  eachBy(
    'code',
    'connection_failures_total',
    'Errors that ended a connection, and its task with it, by error code.',
    ({ failures }) => failures,
  ),
  each('gauge', 'groups', 'Groups that have state.', ({ groups }) => groups),
  each(
    'counter',
    'groups_expired_total',
    'Groups whose state was removed by groupTtl or maxGroups.',
    ({ groupsExpired }) => groupsExpired,
  ),
  each(
    'gauge',
    'input_queue_bytes',
    'Bytes that have been read but not handled yet.',
    ({ inputQueuedBytes }) => inputQueuedBytes,
  ),
  each(
    'gauge',
    'output_queue_bytes',
    'Bytes of output that Kapacitor has not read yet.',
    ({ outputQueuedBytes }) => outputQueuedBytes,
  ),
  {
    name: 'handler_duration_seconds',
    help: 'Time to handle what one read delivered (at most 64 KiB), and time of each async handler call.',
    type: 'histogram',
    values: handlerTimeValues,
  },
  each('counter', 'snapshots_total', 'Snapshots that Kapacitor got.', ({ snapshots }) => snapshots),
  each(
    'gauge',
    'last_snapshot_timestamp_seconds',
    'Time of the last snapshot, in seconds since the epoch.',
    ({ lastSnapshot }) => lastSnapshot && lastSnapshot.time / 1000,
  ),
  each(
    'gauge',
    'last_snapshot_size_bytes',
    'Size of the last snapshot.',
    ({ lastSnapshot }) => lastSnapshot?.bytes,
  ),
  each(
    'gauge',
    'last_snapshot_duration_seconds',
    'Time that the last snapshot took.',
    ({ lastSnapshot }) => lastSnapshot?.seconds,
  ),
  eachBy(
    'cause',
    'worker_restarts_total',
    "Restarts of an isolated UDF's worker, by cause.",
    ({ restarts }) => restarts,
  ),
  eachBy('counter', 'events_total', "The UDF's own counters.", ({ counters }) => counters),
  ...keptSpecs,
];
