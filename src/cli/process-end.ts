import { messageOf, UdfError } from '../errors.js';
import type { Logger } from '../telemetry/logger.js';

/** Resolves with the signal that asks the process to stop. */
export interface StopSignal extends Promise<NodeJS.Signals> {
  readonly came: boolean;
}

const stopSignals: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP'];

/** Waits for a signal to stop. At a second one `atOnce` is called and the process exits with 1. */
export function onStopSignal(atOnce: () => void): StopSignal {
  let came = false;
  const signal = new Promise<NodeJS.Signals>((resolve) => {
    const stop = (name: NodeJS.Signals): void => {
      if (came) {
        atOnce();
        process.exit(1);
      }
      came = true;
      resolve(name);
    };
    for (const name of stopSignals) process.on(name, stop);
  });
  return Object.defineProperty(signal, 'came', { get: () => came }) as StopSignal;
}

/**
 * When something is thrown that nobody catches, by a UDF's timer say, nothing is certain any more: it is logged with its
 * stack, `atOnce` is called, and the process exits with 1.
 */
export function onUncaught(logger: Logger, atOnce: () => void): void {
  process.on('uncaughtException', (reason) => {
    try {
      const err = new UdfError('internal', messageOf(reason), { cause: reason });
      logger.error({ err }, `exits: nobody caught: ${messageOf(reason)}`);
    } finally {
      atOnce();
      process.exit(1);
    }
  });
}
