import { Command, Option } from 'commander';
import type { ServedUdf } from '../host/served-udf.js';
import { groupByOption, loadOneUdf, loggedFailure, setOption } from './one-udf.js';
import {
  addUdfRunOptions,
  stateIntervalOption,
  type UdfRunOptions,
  udfSettings,
  watchdogSettings,
} from './options.js';
import { byteSize, count, httpAddress, listOf, timerDuration } from './parse-values.js';

interface KafkaCommandOptions extends UdfRunOptions {
  readonly brokers: readonly string[];
  readonly from: string;
  readonly to: string;
  readonly consumerGroup: string;
  readonly set?: readonly string[];
  readonly groupBy?: readonly string[];
  readonly repartition?: string;
  readonly changelog?: string;
  readonly deadLetterTopic?: string;
  readonly offsetReset: 'earliest' | 'latest';
  readonly commitInterval: bigint;
  readonly stateInterval: bigint;
  readonly packBytes: number;
  readonly compression: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';
  readonly sessionTimeoutMs: number;
  readonly transactionTimeoutMs: number;
  readonly tls?: true;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly sasl?: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
  readonly http?: string;
}

/** `kafka`: one UDF as a stream processor in a consumer group of Kafka. */
export function kafkaCommand(): Command {
  const command = new Command('kafka')
    .summary('run one UDF between two topics of Kafka')
    .description(
      'Runs one UDF that wants a stream between two topics of Kafka, as a worker of a consumer group: records of line ' +
        'protocol come from one topic and go to the other. Output, state and offsets are committed in transactions, so ' +
        'that each point counts exactly once, whatever happens to workers. Needs the package @platformatic/kafka.',
    )
    .argument('<name>', 'the UDF')
    .requiredOption('--brokers <host:port...>', 'brokers to connect to first', listOf('HOST:PORT'))
    .requiredOption('--from <topic>', 'the topic to read')
    .requiredOption('--to <topic>', 'the topic to write')
    .requiredOption(
      '--consumer-group <id>',
      'the consumer group: workers with the same one do the same job and share the partitions',
    )
    .addOption(setOption())
    .addOption(groupByOption())
    .option(
      '--repartition <topic>',
      'first write the points to this topic, by group: for input that is not keyed by it (default: not done)',
    )
    .option('--changelog <topic>', 'the topic that holds the state (default: GROUP-TOPIC-changelog)')
    .option(
      '--dead-letter-topic <topic>',
      'write lines and points that are dropped to this topic (default: none)',
    )
    .addOption(
      new Option('--offset-reset <where>', 'where a new consumer group begins')
        .choices(['earliest', 'latest'])
        .default('latest'),
    )
    .addOption(
      new Option(
        '--commit-interval <duration>',
        'how long a transaction takes records: output is seen after it',
      )
        .default(500_000_000n, '500ms')
        .argParser(timerDuration('1ms')),
    )
    .addOption(stateIntervalOption())
    .addOption(
      new Option(
        '--pack-bytes <size>',
        'pack lines into records of up to this many bytes; 0 for one line a record',
      )
        .default(0)
        .argParser((text) => (text === '0' ? 0 : byteSize(text))),
    )
    .addOption(
      new Option('--compression <algorithm>', 'how to compress what is written')
        .choices(['none', 'gzip', 'snappy', 'lz4', 'zstd'])
        .default('none'),
    )
    .addOption(
      new Option('--session-timeout-ms <ms>', 'after which a worker that has died is replaced')
        .default(10_000)
        .argParser(count(100, 3_600_000)),
    )
    .addOption(
      new Option('--transaction-timeout-ms <ms>', 'after which a broker aborts a transaction')
        .default(60_000)
        .argParser(count(1_000, 900_000)),
    )
    .option('--tls', 'encrypt the connections (default: only with one of the options below)')
    .option('--tls-ca <file>', 'certificate authorities of the brokers, in PEM format')
    .option('--tls-cert <file>', 'a client certificate, in PEM format')
    .option('--tls-key <file>', 'its key; KAFKA_TLS_KEY_PASSWORD has the password of an encrypted one')
    .addOption(
      new Option(
        '--sasl <mechanism>',
        'sign in with KAFKA_USERNAME and KAFKA_PASSWORD of the environment, or with the files that KAFKA_USERNAME_FILE and KAFKA_PASSWORD_FILE name',
      ).choices(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']),
    )
    .addOption(
      new Option('--http <address>', 'serve /healthz, /readyz and /metrics at PORT or HOST:PORT').argParser(
        httpAddress,
      ),
    );
  return addUdfRunOptions(command)
    .addHelpText(
      'after',
      '\nExample:\n' +
        '  $ kapacitor-udf kafka edgeDetect --brokers broker1:9092 broker2:9092 --from telegraf --to changes \\\n' +
        '      --consumer-group edges --set field=value --on-error drop',
    )
    .action(kafka);
}

async function kafka(name: string, options: KafkaCommandOptions): Promise<void> {
  const { runKafka } = await import('../kafka/run-kafka.js');
  // Before the logger looks at standard error (fstat): behind symbolic links, as pnpm makes them, Node.js 20 may find no
  // exports in the library's dependencies after that. A failure is reported below.
  await import('../kafka/client/library.js').then(({ loadLibrary }) => loadLibrary()).catch(() => undefined);
  const settings = await udfSettings(options);
  const load = (): Promise<ServedUdf> => loadOneUdf(name, options.load, settings.logger);
  try {
    await runKafka(load, {
      ...settings,
      ...watchdogSettings(options),
      ...options,
      groupId: options.consumerGroup,
      commitIntervalMs: Number(options.commitInterval / 1_000_000n),
      snapshotIntervalMs: Number(options.stateInterval / 1_000_000n),
      environment: process.env,
    });
  } catch (reason) {
    throw loggedFailure(settings.logger, reason);
  }
}
