import { constants } from 'node:os';
import type { Activity } from '../agent/activity.js';
import { messageOf, UdfError } from '../model/errors.js';
import type { Logger } from '../telemetry/logger.js';
import { RateLimitedLogger } from '../telemetry/rate-limited-logger.js';
import { authorPlace } from '../udf/author-place.js';
import type { UdfDefinition } from '../udf/definition.js';
import { originOf } from './udf-origin.js';

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

/**
 * Waits for a stop signal. A second one calls `beforeExit` and ends the process with exit code 1. With `onHangUp`, SIGHUP
 * calls that instead.
 */
export function onStopSignal(beforeExit: () => void = noCleanUp, onHangUp?: () => void): StopSignal {
  let came = false;
  let stop!: (name: NodeJS.Signals) => void;
  const signal = new Promise<NodeJS.Signals>((resolve) => {
    stop = (name) => {
      if (came) {
        beforeExit();
        exitProcess(1);
      }
      came = true;
      resolve(name);
    };
  });
  const names = stopSignals.filter((name) => !onHangUp || name !== 'SIGHUP');
  for (const name of names) process.on(name, stop);
  if (onHangUp) process.on('SIGHUP', onHangUp);
  return Object.defineProperties(signal, {
    came: { get: () => came },
    release: {
      value: () => {
        for (const name of names) process.off(name, stop);
        if (onHangUp) process.off('SIGHUP', onHangUp);
      },
    },
  }) as StopSignal; // has just got both properties
}

let hasOwnExit = false;

/** Ends the process. Unlike a UDF's `process.exit`, it is not reported. */
export function exitProcess(code: number): never {
  hasOwnExit = true;
  process.exit(code);
}

/** Whether the process ends by `exitProcess`. */
export function isOwnExit(): boolean {
  return hasOwnExit;
}

/** The UDFs that a process serves, to which its failures are attributed. */
export interface ServedUdfs {
  readonly definitions: readonly UdfDefinition[];
  readonly activity: Activity;
}

/**
 * Handles failures that nothing catches, until the returned function is called.
 *
 * After an uncaught exception, from a UDF's timer for example, any state may be inconsistent: it is logged with its
 * stack, `beforeExit` is called, and the process exits with 1. An unhandled rejection has interrupted nothing else, and
 * other connections must not suffer from it: it is logged, at a limited rate, and the process continues. Both name the
 * UDF of `served` that they come from, as far as the stack tells.
 */
export function onUncaught(
  logger: Logger,
  beforeExit: () => void = noCleanUp,
  served?: ServedUdfs,
): () => void {
  const originText = (reason: unknown): { readonly udf?: string; readonly suffix: string } => {
    if (!served) return { suffix: authorPlace(reason) };
    const { text, ...named } = originOf(stackOf(reason), served.definitions);
    return { ...named, suffix: ` (${text})` };
  };
  const exit = (reason: unknown): void => {
    try {
      const err = new UdfError('internal', messageOf(reason), { cause: reason });
      const { suffix, ...named } = originText(reason);
      logger.error({ ...named, err }, `exits: uncaught error: ${messageOf(reason)}${suffix}`);
    } finally {
      beforeExit();
      exitProcess(1);
    }
  };
  const rejections = new RateLimitedLogger(logger);
  const log = (reason: unknown): void => {
    const { suffix, ...named } = originText(reason);
    rejections.error(
      () => ({ ...named, err: new UdfError('handler', messageOf(reason), { cause: reason }) }),
      `a promise was rejected that was not awaited: ${messageOf(reason)}; return or await it in the handler${suffix}`,
    );
  };
  process.on('uncaughtException', exit);
  process.on('unhandledRejection', log);
  return () => {
    process.off('uncaughtException', exit);
    process.off('unhandledRejection', log);
  };
}

/** Never throws, although getters of a thrown value may. */
function stackOf(reason: unknown): string | undefined {
  try {
    const { stack } = Object(reason) as { readonly stack?: unknown };
    return typeof stack === 'string' ? stack : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Names the UDF that ends the process by `process.exit`, `process.abort` or `process.kill`, until the returned function is
 * called: one line, then `beforeExit`. An exit code of 0 becomes 1, as a host that ends unasked has failed.
 */
export function onForcedExit(logger: Logger, beforeExit: () => void, served: ServedUdfs): () => void {
  const report = (what: string): void => {
    const { definitions, activity } = served;
    const { text, ...named } = originOf(callStack(), definitions, activity.current);
    logger.error(named, `exits: ${what} was called (${text})`);
    beforeExit();
  };
  const onExit = (code: number): void => {
    if (hasOwnExit) return;
    report(`process.exit(${code})`);
    if (code === 0) process.exitCode = 1;
  };
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with `process` below, and put back
  const { abort, kill } = process;
  const reportedAbort = (): never => {
    report('process.abort()');
    return abort.call(process);
  };
  const reportedKill: typeof kill = (pid, signal) => {
    const isFatal = signal !== 0 && !stopSignals.includes((signal ?? 'SIGTERM') as NodeJS.Signals);
    if (pid === process.pid && isFatal) report(`process.kill(process.pid, '${signal}')`);
    return kill.call(process, pid, signal);
  };
  process.on('exit', onExit);
  Object.assign(process, { abort: reportedAbort, kill: reportedKill });
  return () => {
    process.off('exit', onExit);
    Object.assign(process, { abort, kill });
  };
}

/** The stack of the caller, deep enough to hold a UDF's frames below those of Node.js. */
function callStack(): string | undefined {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 50;
  const { stack } = new Error();
  Error.stackTraceLimit = stackTraceLimit;
  return stack;
}

function noCleanUp(): void {
  // No file to remove.
}
