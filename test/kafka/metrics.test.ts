import { expect, test } from 'vitest';
import { formatMetrics, type PartitionFigures } from '../../src/kafka/metrics.js';
import { createPartitionCounters } from '../../src/kafka/partition-counters.js';

test('metrics have the lag and the progress of each partition; what is not known yet is left out', () => {
  const counters = { ...createPartitionCounters(), recordsIn: 3, snapshotBytes: 10, committed: 9 };
  const partition = (number: number, more: Partial<PartitionFigures>): PartitionFigures => ({
    topic: 'in',
    partition: number,
    counters,
    isReady: true,
    lag: 7,
    ...more,
  });
  const partitions = [partition(0, {}), partition(1, { isReady: false, lag: undefined })];
  const text = formatMetrics({ partitions, recoveries: 3 });
  expect(text).toContain('kapacitor_udf_kafka_lag_records{topic="in",partition="0"} 7\n');
  expect(text).toContain('kapacitor_udf_kafka_records_in_total{topic="in",partition="0"} 3\n');
  expect(text).toContain('kapacitor_udf_kafka_snapshot_bytes{topic="in",partition="0"} 10\n');
  expect(text).not.toContain('lag_records{topic="in",partition="1"}');
  expect(text).toContain('kapacitor_udf_kafka_partition_ready{topic="in",partition="1"} 0\n');
  expect(text).toContain('kapacitor_udf_kafka_recoveries_total 3\n');
  for (const line of text.trimEnd().split('\n')) {
    expect(line).toMatch(
      /^(# (HELP|TYPE) kapacitor_udf_kafka_\w+ .+|kapacitor_udf_kafka_\w+(\{[^}]*\})? -?[\d.]+)$/,
    );
  }
});
