import { resolve } from 'node:path';
import { Activity } from '../agent/activity.js';
import { createLogger } from '../telemetry/create-logger.js';
import type { Logger } from '../telemetry/logger.js';
import type { UdfDefinition } from '../udf/definition.js';
import type { Host, HostOptions } from './host-options.js';
import { ServingProcess } from './serving-process.js';
import { defaultSocketDir, socketPathIn } from './socket-directory.js';
import { servedHere } from './served-udf.js';
import { createSocketHost, type ServedSocket } from './socket-host.js';
import { notifyServiceManager } from './systemd.js';
import { tuneV8 } from './tune-v8.js';
import type { WatchdogSettings } from './watchdog.js';

export interface ServeOptions extends Omit<HostOptions, 'sockets' | 'logger'> {
  /** The directory of the sockets, `NAME.sock` each: `/var/run/kapacitor-udf` if not given. It is made if absent. */
  readonly socketDir?: string | undefined;
  /** Logs to standard error at level `info` if not given. */
  readonly logger?: Logger | undefined;
  /**
   * Ends the process with exit code 70 once a UDF has blocked its event loop for so long, for a supervisor to start it
   * again: never if not given.
   */
  readonly stallLimitMs?: number | undefined;
}

/**
 * Serves UDFs on Unix sockets until SIGTERM, SIGINT or SIGHUP; resolves once all connections have finished and the
 * sockets are removed. A second signal, or an error that nothing catches, ends the process with exit code 1. Sets V8's
 * flags for this work, which are of the whole process. Notifies systemd if it started the process with `Type=notify`.
 *
 * Throws what `createHost` and its `start` throw.
 */
export async function serve(
  definitions: readonly UdfDefinition[],
  options: ServeOptions = {},
): Promise<void> {
  const { socketDir = defaultSocketDir, logger = createLogger({ level: 'info' }), ...others } = options;
  tuneV8();
  const sockets = definitions.map((definition) => ({
    udf: servedHere(definition),
    path: socketPathIn(socketDir, definition.name),
  }));
  const { stallLimitMs, ...hostOptions } = others;
  const activity = new Activity();
  const host = createSocketHost({ ...hostOptions, logger, sockets, activity });
  await runUntilSignal(host, { logger, activity, sockets, stallLimitMs, drainMs: others.drainMs });
}

/** What works beside a host: from when it listens until just before its connections close. */
export interface HostCompanion {
  start(): void;
  stop(): Promise<void>;
}

/** A process that serves a host and does nothing else. */
export interface HostProcess extends WatchdogSettings {
  readonly logger: Logger;
  readonly activity: Activity;
  readonly sockets: readonly ServedSocket[];
  readonly drainMs?: number | undefined;
}

/**
 * Starts a host, and stops it at the first signal; then calls `afterStop`. Rejects with what `start` throws.
 */
export async function runUntilSignal(
  host: Host,
  { sockets, drainMs = 5_000, ...others }: HostProcess,
  afterStop?: () => Promise<void>,
  companion?: HostCompanion,
): Promise<void> {
  const { logger } = others;
  const serving = new ServingProcess({
    ...others,
    drainMs,
    definitions: sockets.flatMap(({ udf }) => udf.definition ?? []),
    socketPaths: sockets.map(({ path }) => resolve(path)),
    beforeExit: () => {
      host.removeFiles();
    },
  });
  const { signal } = serving;
  const systemd = notifyServiceManager(logger);
  try {
    await Promise.race([host.start(), signal]);
    if (!signal.came) {
      logger.info({}, 'ready');
      systemd.ready(`serves ${host.stats.udfs.map(({ udf }) => udf).join(', ')}`);
      serving.watch();
      companion?.start();
    }
    logger.info({ signal: await signal }, 'stopping');
    systemd.stopping('finishes what has come');
    await companion?.stop();
    await host.stop();
    await afterStop?.();
    logger.info({}, 'stopped');
  } finally {
    systemd.release();
    serving.release();
  }
}
