import { join } from 'node:path';
import { Command, Option } from 'commander';
import type { Udfs } from '../host/available-udfs.js';
import type { Host, HostedSocket } from '../host/host-options.js';
import { nearestName } from '../model/text.js';
import { UdfError } from '../model/errors.js';
import type { ConversationRecorder } from '../recording/conversation/recorder.js';
import type { Logger } from '../telemetry/logger.js';
import type { Report } from '../telemetry/runtime-report.js';
import {
  addRunOptions,
  configOption,
  connectionOptions,
  defaultSocketDir,
  type RunOptions,
  socketDirOption,
  type SocketOptions,
} from './options.js';
import { influxUrl } from './parse-urls.js';
import { count, fileMode, timerDuration } from './parse-values.js';

interface ServeOptions extends RunOptions, SocketOptions {
  readonly socketMode: number;
  readonly socketGroup?: string;
  readonly maxConnections: number;
  readonly telemetry?: string;
  readonly telemetryInterval: bigint;
  /** The directory that conversations are recorded in. */
  readonly record?: string;
}

/** `serve`: UDFs on Unix sockets, until a signal. */
export function serveCommand(): Command {
  const command = new Command('serve')
    .summary('host UDFs on Unix sockets')
    .description(
      'Hosts UDFs on Unix sockets, one each, until SIGTERM or SIGINT: then it finishes what has come, removes the ' +
        'sockets and exits with 0. Logs go to standard error.',
    )
    .argument('[name...]', 'UDFs to host (default: all)')
    .addOption(socketDirOption())
    .addOption(configOption())
    .addOption(
      new Option(
        '--socket-mode <mode>',
        'mode of the socket files in octal; to connect takes write permission',
      )
        .default(0o660, '660')
        .argParser(fileMode),
    )
    .option(
      '--socket-group <group>',
      "group of the socket files, name or number (default: this process's own)",
    )
    .addOption(
      new Option('--max-connections <n>', 'connections at a time; each use of a UDF in a task is one')
        .default(1024)
        .argParser(count(1)),
    )
    .option(
      '--telemetry <url>',
      "write the runtime's own figures to this InfluxDB: http://HOST:8086?db=NAME (1.x) or ?org=NAME&bucket=NAME " +
        '(2.x); credentials come from INFLUX_TOKEN, or INFLUX_USERNAME and INFLUX_PASSWORD, or files named by ' +
        'INFLUX_TOKEN_FILE or INFLUX_PASSWORD_FILE',
      influxUrl,
    )
    .addOption(
      new Option('--telemetry-interval <duration>', 'how often to write them')
        .default(10_000_000_000n, '10s')
        .argParser(timerDuration('100ms')),
    )
    .option(
      '--record <dir>',
      'write the conversation of each connection to a file of its own in this directory (default: none is written)',
    );
  return addRunOptions(command)
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  $ kapacitor-udf serve edgeDetect movingAverage --socket-dir /tmp/udf --socket-group kapacitor\n' +
        '  $ kapacitor-udf serve --config /etc/kapacitor/kapacitor.conf --load ./my-udf.js',
    )
    .action(serve);
}

async function serve(names: readonly string[], options: ServeOptions): Promise<void> {
  const [{ availableUdfs, chooseUdfs }, { createObservedHost }, { runUntilSignal }] = await Promise.all([
    import('../host/available-udfs.js'),
    import('../host/socket-host.js'),
    import('../host/serve.js'),
  ]);
  const settings = await connectionOptions(options);
  const { logger } = settings;
  const udfs = await availableUdfs(options.load);
  const sockets =
    options.config === undefined
      ? chooseUdfs(udfs, names).map((definition) => ({
          definition,
          path: join(options.socketDir ?? defaultSocketDir, `${definition.name}.sock`),
        }))
      : await configuredUdfs(options.config, names, udfs, logger);
  const { socketMode, socketGroup, maxConnections, drainMs } = options;
  const recorder = options.record === undefined ? undefined : await startRecorder(options.record, logger);
  const host = createObservedHost(
    { ...settings, sockets, socketMode, socketGroup, maxConnections, drainMs },
    recorder &&
      ((transport, udf, socket) => {
        recorder.follow(transport, { udf, socket });
      }),
  );
  const report = options.telemetry === undefined ? undefined : await startTelemetry(options, host, logger);
  await runUntilSignal(host, logger, async () => {
    await recorder?.close();
    await report?.stop();
  });
}

async function startRecorder(directory: string, logger: Logger): Promise<ConversationRecorder> {
  const { ConversationRecorder } = await import('../recording/conversation/recorder.js');
  const recorder = new ConversationRecorder({ directory, logger });
  logger.info({ to: directory }, 'conversations are recorded');
  return recorder;
}

async function startTelemetry(options: ServeOptions, host: Host, logger: Logger): Promise<Report> {
  const [{ createInfluxWriter }, { describeTarget, influxTarget }, { startReport }] = await Promise.all([
    import('../influx/writer.js'),
    import('../influx/target.js'),
    import('../telemetry/runtime-report.js'),
  ]);
  const target = influxTarget(options.telemetry!, process.env); // only called if it is given
  logger.info({ to: describeTarget(target) }, 'telemetry is written');
  return startReport({
    writer: createInfluxWriter(target),
    intervalMs: Number(options.telemetryInterval / 1_000_000n),
    logger,
    stats: () => host.stats.udfs,
  });
}

/** The UDFs on the sockets that a kapacitor.conf names. */
async function configuredUdfs(
  file: string,
  names: readonly string[],
  udfs: Udfs,
  logger: Logger,
): Promise<HostedSocket[]> {
  const { configuredSockets } = await import('../host/kapacitor-conf.js');
  const { sockets, processes } = configuredSockets(file, names);
  if (processes.length > 0) {
    logger.info({ file, udfs: processes }, 'these are not hosted: Kapacitor starts them itself (prog)');
  }
  return sockets.map(({ name, path }) => {
    const definition = udfs.get(name);
    if (definition) return { definition, path };
    const near = nearestName(name, [...udfs.keys()]);
    throw new UdfError(
      'invalid_config',
      `${file}: [udf.functions.${name}]: there is no UDF ${name}${near === undefined ? '' : ` (did you mean ${near}?)`}; ` +
        'add its module with --load, or name the UDFs to host, so that others are left to their own hosts',
    );
  });
}
