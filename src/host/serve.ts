import { createLogger } from '../telemetry/create-logger.js';
import type { Logger } from '../telemetry/logger.js';
import { boundPrinting } from '../telemetry/standard-output.js';
import type { UdfDefinition } from '../udf/definition.js';
import { createHost, type Host, type HostOptions } from './host.js';
import { onStopSignal, onUncaught } from './process-end.js';
import { defaultSocketDir, socketPathIn } from './socket-directory.js';
import { notifyServiceManager } from './systemd.js';
import { tuneV8 } from './tune-v8.js';

export interface ServeOptions extends Omit<HostOptions, 'sockets' | 'logger'> {
  /** The directory of the sockets, `NAME.sock` each: `/var/run/kapacitor-udf` if not given. It is made if absent. */
  readonly socketDir?: string | undefined;
  /** Logs to standard error at level `info` if not given. */
  readonly logger?: Logger | undefined;
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
    definition,
    path: socketPathIn(socketDir, definition.name),
  }));
  const host = createHost({ ...others, logger, sockets });
  await runUntilSignal(host, logger);
}

/** What works beside a host: from when it listens until just before its connections close. */
export interface HostCompanion {
  start(): void;
  stop(): Promise<void>;
}

/**
 * Starts a host, and stops it at the first signal; then calls `afterStop`. Rejects with what `start` throws.
 */
export async function runUntilSignal(
  host: Host,
  logger: Logger,
  afterStop?: () => Promise<void>,
  companion?: HostCompanion,
): Promise<void> {
  const removeFiles = (): void => {
    host.removeFiles();
  };
  const unboundPrinting = boundPrinting(logger);
  const stopCatching = onUncaught(logger, removeFiles);
  const signal = onStopSignal(removeFiles);
  const systemd = notifyServiceManager(logger);
  try {
    await Promise.race([host.start(), signal]);
    if (!signal.came) {
      logger.info({}, 'ready');
      systemd.ready(`serves ${host.stats.udfs.map(({ udf }) => udf).join(', ')}`);
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
    signal.release();
    stopCatching();
    unboundPrinting();
  }
}
