import { resolve } from 'node:path';
import type { Activity } from '../agent/activity.js';
import type { Logger } from '../telemetry/logger.js';
import { ServingProcess } from './serving-process.js';
import type { ServedSocket, SocketHost } from './socket-host.js';
import { notifyServiceManager } from './systemd.js';
import type { WatchdogSettings } from './watchdog.js';

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
  host: SocketHost,
  { sockets, drainMs = 5_000, ...others }: HostProcess,
  afterStop?: () => Promise<void>,
  companions: readonly HostCompanion[] = [],
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
    onHangUp: sockets.some(({ udf }) => udf.isolated)
      ? (): void => {
          host.reload().catch(() => undefined); // it has logged the reason
        }
      : undefined,
  });
  const { signal } = serving;
  const systemd = notifyServiceManager(logger);
  try {
    await Promise.race([host.start(), signal]);
    if (!signal.came) {
      logger.info({}, 'ready');
      systemd.ready(`serves ${host.stats.udfs.map(({ udf }) => udf).join(', ')}`);
      serving.watch();
      for (const companion of companions) companion.start();
    }
    logger.info({ signal: await signal }, 'stopping');
    systemd.stopping('finishes what has come');
    await Promise.all(companions.map((companion) => companion.stop()));
    await host.stop();
    await afterStop?.();
    logger.info({}, 'stopped');
  } finally {
    systemd.release();
    serving.release();
  }
}
