import type { PartitionRunner } from './partition-runner.js';

/** What the metrics show of a partition. */
export type PartitionFigures = Pick<PartitionRunner, 'topic' | 'partition' | 'counters' | 'isReady' | 'lag'>;

interface PartitionMetric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly read: (partition: PartitionFigures) => number | undefined;
}

const prefix = 'kapacitor_udf_kafka_';

const partitionMetrics: readonly PartitionMetric[] = [
  {
    name: 'lag_records',
    help: 'Records of the partition that are not committed yet.',
    type: 'gauge',
    read: ({ lag }) => lag,
  },
  {
    name: 'committed_offset',
    help: 'The offset before which everything is committed.',
    type: 'gauge',
    read: ({ counters, isReady }) => (isReady ? counters.committed : undefined),
  },
  {
    name: 'partition_ready',
    help: '1 once the partition has been taken over, else 0.',
    type: 'gauge',
    read: ({ isReady }) => (isReady ? 1 : 0),
  },
  {
    name: 'records_in_total',
    help: 'Records that were processed.',
    type: 'counter',
    read: ({ counters }) => counters.recordsIn,
  },
  {
    name: 'points_in_total',
    help: 'Points that the UDF was given, repeated ones included.',
    type: 'counter',
    read: ({ counters }) => counters.pointsIn,
  },
  {
    name: 'points_out_total',
    help: 'Points that the UDF has emitted.',
    type: 'counter',
    read: ({ counters }) => counters.pointsOut,
  },
  {
    name: 'dead_letters_total',
    help: 'Lines and points that were dropped.',
    type: 'counter',
    read: ({ counters }) => counters.deadLetters,
  },
  {
    name: 'transactions_total',
    help: 'Transactions that were committed.',
    type: 'counter',
    read: ({ counters }) => counters.transactions,
  },
  {
    name: 'snapshots_total',
    help: 'Snapshots that were written to the changelog.',
    type: 'counter',
    read: ({ counters }) => counters.snapshots,
  },
  {
    name: 'snapshot_bytes',
    help: 'The size of the last snapshot.',
    type: 'gauge',
    read: ({ counters }) => counters.snapshotBytes,
  },
  { name: 'groups', help: 'Groups that have state.', type: 'gauge', read: ({ counters }) => counters.groups },
  {
    name: 'takeover_seconds',
    help: 'How long it took to take the partition over.',
    type: 'gauge',
    read: ({ counters, isReady }) => (isReady ? counters.restoreSeconds : undefined),
  },
];

/** The metrics of a worker in Prometheus' text format, labelled with topic and partition. */
export function formatMetrics({
  partitions,
  recoveries,
}: {
  readonly partitions: readonly PartitionFigures[];
  readonly recoveries: number;
}): string {
  const texts = partitionMetrics.map(({ name, help, type, read }) => {
    const values = partitions.flatMap((partition) => {
      const value = read(partition);
      const labels = `topic="${partition.topic}",partition="${partition.partition}"`; // topics have no characters to escape
      return value === undefined ? [] : [`${prefix}${name}{${labels}} ${value}\n`];
    });
    return `${head(name, help, type)}${values.join('')}`;
  });
  const count = `${head('partitions', 'Partitions that the worker has.', 'gauge')}${prefix}partitions ${partitions.length}\n`;
  const name = 'recoveries_total';
  const help = 'Times that a partition was taken over anew after a failure.';
  return `${texts.join('')}${count}${head(name, help, 'counter')}${prefix}${name} ${recoveries}\n`;
}

function head(name: string, help: string, type: string): string {
  return `# HELP ${prefix}${name} ${help}\n# TYPE ${prefix}${name} ${type}\n`;
}
