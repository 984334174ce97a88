import { constants } from 'node:os';
import { RateLimitedLogger } from '../telemetry/rate-limited-logger.js';
import { messageOf, UdfError } from '../model/errors.js';
import type { Logger } from '../telemetry/logger.js';

/** Resolves with the signal that asks the process to stop. */
export interface StopSignal extends Promise<NodeJS.Signals> {
  readonly came: boolean;
}

/** What asks a process to stop. */
export const stopSignals: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP'];

/** The exit code of a command that a signal stopped before it was done, as shells have it: 130 for SIGINT. */
export function exitCodeOf(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}

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
 * What becomes of a failure that nobody caught.
 *
 * Something thrown, by a UDF's timer say, may have left anything half done: it is logged with its stack, `atOnce` is
 * called, and the process exits with 1. A promise that was rejected without anybody waiting for it interrupted nothing
 * but itself: it is logged, at a limited rate, and the process goes on, since the other connections have no part in it.
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
  const rejections = new RateLimitedLogger(logger);
  process.on('unhandledRejection', (reason) => {
    rejections.error(
      () => ({ err: new UdfError('handler', messageOf(reason), { cause: reason }) }),
      `a promise was rejected that nobody waited for: ${messageOf(reason)}; return or await it in the handler`,
    );
  });
}
