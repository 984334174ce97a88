import { constants } from 'node:os';
import { messageOf, UdfError } from '../model/errors.js';
import type { Logger } from '../telemetry/logger.js';
import { RateLimitedLogger } from '../telemetry/rate-limited-logger.js';

/** Resolves with the first signal that asks the process to stop. */
export interface StopSignal extends Promise<NodeJS.Signals> {
  /** Whether one was received. */
  readonly came: boolean;
  /** Leaves signals to their default effect again. */
  release(): void;
}

/** The signals that ask a process to stop. */
export const stopSignals: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP'];

/** The exit code of a command that a signal stopped before it was done, as shells report it: 130 for SIGINT. */
export function exitCodeOf(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}

/** Waits for a stop signal. A second one calls `beforeExit` and ends the process with exit code 1. */
export function onStopSignal(beforeExit: () => void = noCleanUp): StopSignal {
  let came = false;
  let stop!: (name: NodeJS.Signals) => void;
  const signal = new Promise<NodeJS.Signals>((resolve) => {
    stop = (name) => {
      if (came) {
        beforeExit();
        process.exit(1);
      }
      came = true;
      resolve(name);
    };
  });
  for (const name of stopSignals) process.on(name, stop);
  return Object.defineProperties(signal, {
    came: { get: () => came },
    release: {
      value: () => {
        for (const name of stopSignals) process.off(name, stop);
      },
    },
  }) as StopSignal; // has just got both properties
}

/**
 * Handles failures that nothing catches, until the returned function is called.
 *
 * After an uncaught exception, from a UDF's timer for example, any state may be inconsistent: it is logged with its
 * stack, `beforeExit` is called, and the process exits with 1. An unhandled rejection has interrupted nothing else, and
 * other connections must not suffer from it: it is logged, at a limited rate, and the process continues.
 */
export function onUncaught(logger: Logger, beforeExit: () => void = noCleanUp): () => void {
  const exit = (reason: unknown): void => {
    try {
      const err = new UdfError('internal', messageOf(reason), { cause: reason });
      logger.error({ err }, `exits: nobody caught: ${messageOf(reason)}`);
    } finally {
      beforeExit();
      process.exit(1);
    }
  };
  const rejections = new RateLimitedLogger(logger);
  const log = (reason: unknown): void => {
    rejections.error(
      () => ({ err: new UdfError('handler', messageOf(reason), { cause: reason }) }),
      `a promise was rejected that nobody waited for: ${messageOf(reason)}; return or await it in the handler`,
    );
  };
  process.on('uncaughtException', exit);
  process.on('unhandledRejection', log);
  return () => {
    process.off('uncaughtException', exit);
    process.off('unhandledRejection', log);
  };
}

function noCleanUp(): void {
  // No file to remove.
}
