import { join } from 'node:path';
import { UdfError } from '../model/errors.js';
import { createHost, type Host, type HostedSocket } from '../host/host.js';
import type { ConversationRecorder } from '../recording/conversation/recorder.js';
import type { Report } from '../telemetry/runtime-report.js';
import type { Logger } from '../telemetry/logger.js';
import { nearestName } from '../model/text.js';
import { availableUdfs, chooseUdfs, type Udfs } from './available-udfs.js';
import { configuredSockets } from '../host/kapacitor-conf.js';
import { defaultSocketDir, type RunOptions, type SocketOptions } from './options.js';
import { onStopSignal, onUncaught } from '../host/process-end.js';
import { runSettings } from './run-settings.js';

export interface ServeOptions extends RunOptions, SocketOptions {
  readonly socketMode: number;
  readonly socketGroup?: string;
  readonly maxConnections: number;
  readonly telemetry?: string;
  readonly telemetryInterval: bigint;
  /** The directory that conversations are recorded in. */
  readonly record?: string;
}

/** Hosts UDFs until a signal comes. */
export async function runServe(names: readonly string[], options: ServeOptions): Promise<void> {
  const settings = runSettings(options);
  const { logger } = settings;
  const udfs = await availableUdfs(options.load);
  const sockets =
    options.config === undefined
      ? chooseUdfs(udfs, names).map((definition) => ({
          definition,
          path: join(options.socketDir ?? defaultSocketDir, `${definition.name}.sock`),
        }))
      : socketsOfConfig(options.config, names, udfs, logger);
  const { socketMode, socketGroup, maxConnections, drainMs } = options;
  const recorder = options.record === undefined ? undefined : await startRecorder(options.record, logger);
  const host = createHost({
    ...settings,
    sockets,
    socketMode,
    socketGroup,
    maxConnections,
    drainMs,
    onConnection:
      recorder &&
      ((transport, udf, socket) => {
        recorder.follow(transport, { udf, socket });
      }),
  });
  const report =
    options.telemetry === undefined
      ? undefined
      : await startTelemetry(options.telemetry, options, host, logger);

  const removeFiles = (): void => {
    host.removeFiles();
  };
  onUncaught(logger, removeFiles);
  const signal = onStopSignal(removeFiles);
  await Promise.race([host.start(), signal]);
  if (!signal.came) logger.info({ sockets: sockets.length }, 'ready');
  logger.info({ signal: await signal }, 'stopping');
  await host.stop();
  await recorder?.close();
  await report?.stop();
  logger.info({}, 'stopped');
}

/** Loaded only if asked for, like telemetry. */
async function startRecorder(directory: string, logger: Logger): Promise<ConversationRecorder> {
  const { ConversationRecorder } = await import('../recording/conversation/recorder.js');
  const recorder = new ConversationRecorder({ directory, logger });
  logger.info({ to: directory }, 'conversations are recorded');
  return recorder;
}

/** Loaded only if asked for: hosting UDFs needs no HTTP client. */
async function startTelemetry(
  url: string,
  { telemetryInterval }: ServeOptions,
  host: Host,
  logger: Logger,
): Promise<Report> {
  const { createInfluxWriter } = await import('../influx/writer.js');
  const { describeTarget, influxTarget } = await import('../influx/target.js');
  const { startReport } = await import('../telemetry/runtime-report.js');
  const target = influxTarget(url, process.env);
  logger.info({ to: describeTarget(target) }, 'telemetry is written');
  return startReport({
    writer: createInfluxWriter(target),
    intervalMs: Number(telemetryInterval / 1_000_000n),
    logger,
    figures: () => host.stats.udfs.map(({ udf, connections, stats }) => ({ udf, connections, ...stats })),
  });
}

function socketsOfConfig(file: string, names: readonly string[], udfs: Udfs, logger: Logger): HostedSocket[] {
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
