import { closeSync, openSync } from 'node:fs';
import { isatty } from 'node:tty';
import { Worker } from 'node:worker_threads';
import { type Activity, type ActiveUse, watchdogCells } from '../agent/activity.js';
import type { LogFormat, Logger, LogLevel } from '../telemetry/logger.js';
import { standardWriter } from '../telemetry/standard-output.js';
import { exitProcess, stopSignals } from './process-end.js';
import { fileIdentity } from './socket-file.js';

/** How the watchdog itself logs, as the logger of the main thread may be anything. */
export interface WatchdogLog {
  readonly level: LogLevel;
  readonly format?: LogFormat | undefined;
}

export interface WatchdogSettings {
  /** Ends the process once its event loop has been blocked for this long; never if not given. */
  readonly stallLimitMs?: number | undefined;
  /** How the watchdog logs: as errors at level `info` if not given. */
  readonly log?: WatchdogLog | undefined;
}

export interface WatchdogOptions extends WatchdogSettings {
  readonly activity: Activity;
  readonly udfs: readonly string[];
  /** The socket files of the process. */
  readonly socketPaths: readonly string[];
  readonly logger: Logger;
  /** Time that a stop may take. */
  readonly drainMs: number;
}

export interface Watchdog {
  /** The process stops: if it is blocked for `drainMs` meanwhile, it is ended. */
  stopping(): void;
  close(): void;
}

/** What the thread is started with. */
export interface WatchdogData extends Omit<WatchdogOptions, 'activity' | 'socketPaths' | 'logger' | 'log'> {
  readonly log: WatchdogLog;
  readonly cells: Int32Array;
  readonly uses: ReadonlyMap<number, ActiveUse>;
  readonly sockets: readonly { readonly path: string; readonly identity: string | undefined }[];
  readonly stderr: number;
}

/** A change of the uses, sent to the thread. */
export type UseChange = readonly [number: number, use: ActiveUse | undefined];

/** The exit code of a process that the watchdog ends: EX_SOFTWARE of sysexits.h. */
export const stallExitCode = 70;

export const beatMs = 250;

/** The names of the functions that the thread calls in a blocked main thread, by the inspector. */
export const remoteCalls = { exit: 'exit', leaveSignals: 'leaveSignals' } as const;
export const remoteKey = 'kapacitor-udf.watchdog';

/**
 * Watches this thread's event loop from another thread, which logs what blocks it for a second, ends the process past
 * `stallLimitMs`, and lets signals end it where it cannot end by itself. If the thread cannot be started, that is logged.
 */
export function startWatchdog(options: WatchdogOptions): Watchdog {
  const { activity, logger, socketPaths, udfs, log = { level: 'info' }, drainMs, stallLimitMs } = options;
  const { cells } = activity;
  const workerData: WatchdogData = {
    udfs,
    drainMs,
    stallLimitMs,
    cells,
    log: { ...log, format: log.format === 'auto' && isatty(2) ? 'pretty' : log.format },
    uses: new Map(activity.uses),
    sockets: socketPaths.map((path) => ({ path, identity: fileIdentity(path) })),
    stderr: standardWriter(2).fd,
  };
  const worker = new Worker(new URL('./watchdog-thread.js', import.meta.url), { workerData, execArgv: [] });
  worker.unref();
  worker.on('error', (err) => {
    logger.warn({ err }, `a blocked event loop will not be reported: ${err.message}`);
  });
  activity.onChange = (...change) => {
    worker.postMessage(change satisfies UseChange);
  };
  const signals = detachableSignals();
  Object.defineProperty(globalThis, Symbol.for(remoteKey), {
    configurable: true,
    value: { [remoteCalls.exit]: exitSilently, [remoteCalls.leaveSignals]: signals.leave },
  });
  let lastBeat = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    cells[watchdogCells.beat]!++;
    const stalled = cells[watchdogCells.stalled]!;
    if (stalled !== 0) {
      cells[watchdogCells.stalled] = 0;
      signals.take();
      const ms = Math.round(now - lastBeat);
      const use = activity.uses.get(stalled - 1);
      logger.warn(
        { ...use, ms },
        `the event loop runs again: it was blocked for ${(ms / 1000).toFixed(1)} s`,
      );
    }
    lastBeat = now;
  }, beatMs).unref();
  return {
    stopping: () => {
      cells[watchdogCells.stopping] = 1;
    },
    close: () => {
      clearInterval(timer);
      activity.onChange = undefined;
      Reflect.deleteProperty(globalThis, Symbol.for(remoteKey));
      void worker.terminate();
    },
  };
}

/** Lets stop signals have their default effect, and handles them again. */
function detachableSignals(): { readonly leave: () => void; readonly take: () => void } {
  let left: (() => void)[] = [];
  return {
    leave: () => {
      for (const name of stopSignals) {
        for (const listener of process.listeners(name)) {
          process.off(name, listener);
          left.push(() => process.on(name, listener));
        }
      }
    },
    take: () => {
      for (const restore of left) restore();
      left = [];
    },
  };
}

/** Exits without the inspector's "Waiting for the debugger to disconnect", whose write could block. */
function exitSilently(code: number): never {
  process.on('exit', () => {
    closeSync(2);
    openSync('/dev/null', 'w'); // gets the lowest free number, 2
  });
  exitProcess(code);
}
