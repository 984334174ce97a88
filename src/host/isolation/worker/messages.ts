import type { Limits } from '../../../agent/limits.js';
import type { Revision } from '../../../agent/state/header.js';
import type { InstanceDefaults } from '../../../agent/defaults.js';
import type { RefusedRun } from '../../../agent/handler-runs.js';
import type { DeadLetter } from '../../../model/dead-letters.js';
import type { AgentStats } from '../../../model/statistics.js';
import type { EdgeType } from '../../../model/values.js';
import type { OptionType } from '../../../model/option-call.js';

// What the front and a worker send each other besides the bytes in the rings.

/** Sent when the other side's ring has bytes or room again. */
export const wakeUp = 0;

/** What a thread is started with. */
export interface WorkerSettings {
  /** Modules with UDFs, beside the bundled ones. */
  readonly modules: readonly string[];
}

/** What the front must know of a UDF whose code it does not load. */
export interface UdfInfo {
  readonly name: string;
  readonly wants: EdgeType;
  readonly provides: EdgeType;
  /** The argument types of each option. */
  readonly options: Readonly<Record<string, readonly OptionType[]>>;
  /** Whether it has state, or timers. */
  readonly isStateful: boolean;
  /** Whether it has timers. */
  readonly hasTimers: boolean;
  /** Options without which a use has no timers; `undefined` if all uses have them. */
  readonly timersOnlyWith: readonly string[] | undefined;
  /** Whether a batch is handled as a whole, when it ends. */
  readonly collectsBatches: boolean;
  /** The module that it comes from; `undefined` for a bundled one. */
  readonly module: string | undefined;
}

/** Starts serving a connection. */
export interface ServeMessage {
  readonly kind: 'serve';
  readonly udf: string;
  readonly input: SharedArrayBuffer;
  readonly output: SharedArrayBuffer;
  /** See `Signals`. */
  readonly signals: SharedArrayBuffer;
  /** The memory of its `HandlerRuns`. */
  readonly runs: SharedArrayBuffer;
  /** Runs that have ended two workers. */
  readonly refused: readonly RefusedRun[];
  readonly defaults: InstanceDefaults;
  readonly limits: Limits;
  /** Whether it sends the points that the error policy drops. */
  readonly keepsLetters: boolean;
  /** The time that its clock starts at, which then moves by ticks among the input; `undefined` for the system's clock. */
  readonly time: bigint | undefined;
  /** Its snapshots are newer than this one. */
  readonly newerThan: Revision | undefined;
  /**
   * The first bytes of points and batches whose calls do not overlap: an earlier worker ended while it handled one of them,
   * and if this one ends too, it must be known which.
   */
  readonly sequentialBytes: number;
  /** Max bytes of the array buffers of the worker, which V8's own limit does not count. */
  readonly maxBufferBytes: number;
}

export type ToWorker = typeof wakeUp | ServeMessage | { readonly kind: 'end' };

export type FromWorker =
  | typeof wakeUp
  | { readonly kind: 'loaded'; readonly udfs: readonly UdfInfo[]; readonly localFiles: readonly string[] }
  | { readonly kind: 'failed'; readonly error: PlainError; readonly localFiles: readonly string[] }
  | {
      readonly kind: 'log';
      readonly level: LogMethod;
      readonly details: object;
      readonly message: string;
      /** Bytes of points and batches that the worker had begun to handle. */
      readonly begun: number;
      /** Whether it says that a run is refused. */
      readonly isRefusal: boolean;
    }
  | { readonly kind: 'letter'; readonly letter: DeadLetter; readonly begun: number }
  | { readonly kind: 'memory'; readonly bytes: number }
  /** One of several calls that overlap has not returned within this time. */
  | { readonly kind: 'hung'; readonly handlerMs: number }
  | {
      readonly kind: 'done';
      readonly stats: AgentStats;
      /** The error that ended the conversation. */
      readonly failure: PlainError | undefined;
    };

export type LogMethod = 'debug' | 'info' | 'warn' | 'error';

/** An error as it crosses threads: classes do not. */
export interface PlainError {
  readonly code: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly cause: PlainError | undefined;
}
