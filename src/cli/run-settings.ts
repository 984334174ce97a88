import type { ConnectionOptions } from '../host/connections.js';
import { createLogger } from '../telemetry/create-logger.js';
import type { RunOptions } from './options.js';

/** The options of a command line as a host or an agent takes them. */
export function runSettings(options: RunOptions): ConnectionOptions {
  const { messageBytes, inputBytes, outputBytes, batchBytes, snapshotBytes, handlerMs } = options;
  return {
    logger: createLogger({ level: options.logLevel }),
    onError: options.onError,
    groupTtl: options.groupTtl,
    maxGroups: options.maxGroups,
    strictRestore: options.strictRestore,
    limits: { messageBytes, inputBytes, outputBytes, batchBytes, snapshotBytes, handlerMs },
  };
}
