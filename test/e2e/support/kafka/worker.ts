import { fileURLToPath } from 'node:url';
import { Cli, type SpawnOptions } from '../../../support/spawn-cli.js';
import type { KafkaCluster } from './cluster.js';

/** The module of the UDFs that the tests run. */
const udfs = fileURLToPath(new URL('./counting.mjs', import.meta.url));

/** Starts a worker of `kapacitor-udf kafka` between the topics `in` and `out`. It is killed when the test is over. */
export function startWorker(
  cluster: KafkaCluster,
  udf: string,
  args: readonly string[] = [],
  options: SpawnOptions = {},
): Cli {
  const topics = ['--from', 'in', '--to', 'out', '--consumer-group', 'group', '--offset-reset', 'earliest'];
  return new Cli(
    [
      'kafka',
      udf,
      '--load',
      udfs,
      '--brokers',
      ...cluster.addresses,
      ...topics,
      '--session-timeout-ms',
      '1500',
      ...args,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'], ...options },
  );
}
