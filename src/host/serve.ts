import { Activity } from '../agent/activity.js';
import { createLogger } from '../telemetry/create-logger.js';
import type { Logger } from '../telemetry/logger.js';
import type { UdfDefinition } from '../udf/definition.js';
import type { HostOptions } from './host-options.js';
import { runUntilSignal } from './run-host.js';
import { defaultSocketDir, socketPathIn } from './socket-directory.js';
import { servedHere } from './served-udf.js';
import { createSocketHost } from './socket-host.js';
import { tuneV8 } from './tune-v8.js';

// Apart from runUntilSignal, so that the declarations of the public API compile without @types/node.
export interface ServeOptions extends Omit<HostOptions, 'sockets' | 'logger'> {
  /** The directory of the sockets, `NAME.sock` each: `/var/run/kapacitor-udf` if not given. It is made if absent. */
  readonly socketDir?: string | undefined;
  /** Logs to standard error at level `info` if not given. */
  readonly logger?: Logger | undefined;
  /**
   * Ends the process with exit code 70 once a UDF has blocked its event loop for this long, for a supervisor to start it
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
