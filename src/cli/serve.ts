import { Command, Option } from 'commander';
import type { Host } from '../host/host-options.js';
import type { ServedUdf } from '../host/served-udf.js';
import type { ServedSocket, SocketHost } from '../host/socket-host.js';
import type { HostCompanion } from '../host/run-host.js';
import { UdfError } from '../model/errors.js';
import type { ConversationRecorder } from '../recording/conversation/recorder.js';
import type { Logger } from '../telemetry/logger.js';
import type { Report } from '../telemetry/runtime-report.js';
import {
  addRunOptions,
  connectionOptions,
  openDeadLetters,
  type RunOptions,
  watchdogSettings,
} from './options.js';
import {
  addHttpOptions,
  addSocketHostOptions,
  type SocketHostFlags,
  socketsOf,
} from './socket-host-options.js';
import { requireAnyOf } from './dependent-options.js';
import { timerDuration } from './parse-values.js';
import { influxUrlOption, kapacitorUrlsOption } from './url-options.js';
import type { RemoteAddress } from '../host/remote/address.js';
import { addRemoteOptions, listenOption, type RemoteFlags, remoteSettings } from './remote-options.js';
import {
  addIsolationOptions,
  addWatchOption,
  checkIsolatedNames,
  isolationOf,
  type IsolationFlags,
} from './isolation-options.js';

interface ServeOptions extends RunOptions, SocketHostFlags, IsolationFlags, RemoteFlags {
  readonly telemetry?: string;
  readonly telemetryInterval: bigint;
  /** The Kapacitors whose tasks are watched. */
  readonly kapacitor?: readonly string[];
  /** The directory that conversations are recorded in. */
  readonly record?: string;
  readonly listen?: RemoteAddress;
}

/** `serve`: UDFs on Unix sockets, until a signal. */
export function serveCommand(): Command {
  const command = new Command('serve')
    .summary('host UDFs on Unix sockets')
    .description(
      'Hosts UDFs on Unix sockets, one each, until SIGTERM or SIGINT: then it finishes what has come, removes the ' +
        'sockets and exits with 0. With --listen, proxies of other machines reach the UDFs too. Logs go to standard error.',
    )
    .argument('[name...]', 'UDFs to host (default: all)');
  addSocketHostOptions(command)
    .addOption(influxUrlOption('--telemetry', "write the runtime's own figures to this InfluxDB"))
    .addOption(
      new Option('--telemetry-interval <duration>', 'how often to write them')
        .default(10_000_000_000n, '10s')
        .argParser(timerDuration('100ms')),
    )
    .addOption(
      kapacitorUrlsOption(
        '--kapacitor',
        'enable tasks of this Kapacitor again that stopped when the host of their UDFs went away, as tasks watch does (default: none)',
      ),
    )
    .option(
      '--record <dir>',
      'write the conversation of each connection to a file of its own in this directory (default: none is written)',
    );
  requireAnyOf(command, ['telemetryInterval'], ['telemetry']);
  addHttpOptions(addRemoteOptions(command.addOption(listenOption()), 'listen'));
  return addRunOptions(addWatchOption(addIsolationOptions(command, ['watch', 'listen'])))
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  $ kapacitor-udf serve edgeDetect movingAverage --socket-dir /tmp/udf --socket-group kapacitor\n' +
        '  $ kapacitor-udf serve --config /etc/kapacitor/kapacitor.conf --load ./my-udf.js\n' +
        '  $ kapacitor-udf serve --listen tls://0.0.0.0:9070 --tls-cert host.pem --tls-key host.key --tls-ca ca.pem',
    )
    .action(serve);
}

async function serve(names: readonly string[], options: ServeOptions): Promise<void> {
  const [{ Activity }, { servedUdfs }, { createSocketHost }, { runUntilSignal }] = await Promise.all([
    import('../agent/activity.js'),
    import('../host/served-udf.js'),
    import('../host/socket-host.js'),
    import('../host/run-host.js'),
  ]);
  const settings = await connectionOptions(options);
  const { logger } = settings;
  const udfs = await servedUdfs(options.load ?? [], isolationOf(options), logger);
  const sockets = await socketsToServe(names, options, udfs, logger);
  checkIsolatedNames(
    options,
    sockets.map(({ udf }) => udf.name),
  );
  const { socketMode, socketGroup, maxConnections, drainMs, http, httpPoints } = options;
  const recorder = options.record === undefined ? undefined : await startRecorder(options.record, logger);
  const deadLetters = await openDeadLetters(options, logger);
  const activity = new Activity();
  const host = createSocketHost({
    ...settings,
    deadLetters,
    activity,
    sockets,
    socketMode,
    socketGroup,
    maxConnections,
    drainMs,
    http,
    httpPoints,
    listen: options.listen && { address: options.listen, ...remoteSettings(options.listen, options) },
    onConnection:
      recorder &&
      ((transport, udf, socket) => {
        recorder.follow(transport, { udf, socket });
      }),
  });
  const report = options.telemetry === undefined ? undefined : await startTelemetry(options, host, logger);
  const companions = [
    ...(options.kapacitor ? [await createWatchers(host, sockets, options, logger)] : []),
    ...(options.watch ? [await createModuleWatcher(host)] : []),
  ];
  const closeFiles = async (): Promise<void> => {
    await deadLetters?.close();
    await recorder?.close();
    await report?.stop();
  };
  const process = { logger, activity, sockets, drainMs, ...watchdogSettings(options) };
  await runUntilSignal(host, process, closeFiles, companions);
}

async function createModuleWatcher(host: SocketHost): Promise<HostCompanion> {
  if (host.moduleFiles.length === 0) {
    throw new UdfError('usage', '--watch needs --load with the file of a module');
  }
  const { watchModules } = await import('../host/watch-modules.js');
  return watchModules(host);
}

/** What revives the tasks of the UDFs. */
async function createWatchers(
  host: Host,
  sockets: readonly ServedSocket[],
  { kapacitor = [], config, stateDir: stateDirectory }: ServeOptions,
  logger: Logger,
): Promise<HostCompanion> {
  const [{ kapacitorTarget }, { createHostWatchers }] = await Promise.all([
    import('../kapacitor/target.js'),
    import('../tasks/watch/host-watchers.js'),
  ]);
  const kapacitors = [...new Set(kapacitor)].map((url) => kapacitorTarget(url, process.env));
  return createHostWatchers({ host, sockets, kapacitors, logger, config, stateDirectory });
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
    stats: () => host.stats,
  });
}

async function socketsToServe(
  names: readonly string[],
  options: ServeOptions,
  udfs: ReadonlyMap<string, ServedUdf>,
  logger: Logger,
): Promise<ServedSocket[]> {
  const { sockets, processes } = await socketsOf(udfs, names, options);
  if (processes.length > 0) {
    logger.info(
      { file: options.config, udfs: processes },
      'these are not hosted: Kapacitor starts them itself (prog)',
    );
  }
  return sockets;
}
