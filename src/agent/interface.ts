import type { UdfError } from '../model/errors.js';
import type { AgentStats, TaskUse } from '../model/statistics.js';
import type { Transport } from '../transport/transport.js';
import type { UdfDefinition } from '../udf/definition.js';
import type { FrameHandler } from '../wire/frame-reader.js';
import type { UseActivity } from './activity.js';
import type { ConversationOptions } from './conversation-options.js';
import type { HandlerRuns } from './handler-runs.js';
import type { AheadOutput } from './output-ahead.js';
import type { Revision } from './state/header.js';
import type { StateStore } from './state-store.js';
import type { DrivenClock } from './timers/wall-clock.js';

export interface AgentOptions extends ConversationOptions {
  readonly definition: UdfDefinition;
  readonly transport: Transport;
  /** Keeps the newest state across connections. */
  readonly stateStore?: StateStore | undefined;
  /** Where the agent notes what it is doing, for a watchdog. */
  readonly activity?: UseActivity | undefined;
  readonly progress?: Progress | undefined;
  /** The caller reports `failure` if init is refused, so that it is not logged here too. */
  readonly reportsRefusal?: boolean | undefined;
  /** Whether the peer is Kapacitor's daemon, which must be kept from crashing when it ends the UDF: see `EndGuard`. */
  readonly guardsEnd?: boolean | undefined;
  /** The clock of the UDF; the system's if not given. */
  readonly clock?: DrivenClock | undefined;
}

/** How far an agent has come, for a host that can repeat its input to another one. */
export interface Progress {
  readonly runs: HandlerRuns;
  /** Set to the bytes of points and batches so far, before each of their frames. */
  begunBytes: number;
  /** A revision that the agent's snapshots are newer than: that of a state which an earlier agent could not restore. */
  readonly newerThan?: Revision | undefined;
  /**
   * Called when all frames in the first `bytes` of the input have been handled, and their output written. `begunFrames`: the
   * number of frames after them that are being handled, or were handled ahead of one that is; `ahead`: what was written for
   * these.
   */
  handled(bytes: number, begunFrames: number, ahead: AheadOutput): void;
  /** The first bytes of points and batches that are handled without overlap. */
  readonly sequentialBytes: number;
  /** Starts the time limit of a call that may overlap others. */
  readonly startCallTimer?: () => NodeJS.Timeout | undefined;
}

/**
 * A frame among the output that marks where a run of a handler is refused, because it has ended other agents. Output that the
 * run emitted in those precedes it. No message of the protocol begins with its byte.
 */
export const refusalMark: Buffer = Buffer.of(1, 0xfe);

/** Sees the data of a connection as it passes. Its functions must neither throw nor keep the buffers. */
export interface DataObserver {
  /** Called with each frame that comes, before it is handled. */
  readonly input: FrameHandler;
  /** Called with whole frames, in order, when they are sent. */
  readonly output: (buffers: readonly Buffer[]) => void;
}

/** One conversation with Kapacitor: a connection, from its first byte to its last. */
export interface Agent {
  /** Resolves when the connection is closed. Never rejects. */
  readonly closed: Promise<void>;
  /** The error that ended the conversation, if any. */
  readonly failure: UdfError | undefined;
  /** The task and node that use the UDF; `undefined` before init. */
  readonly use: TaskUse | undefined;
  readonly stats: AgentStats;
  /** Shows the data that passes to an observer, until called with `undefined`. */
  observe(observer: DataObserver | undefined): void;
  /** Stops reading, handles what has been received, sends the results, closes. Resolves with `closed`. */
  drain(): Promise<void>;
  /** Closes at once; unsent output is lost. */
  destroy(reason?: Error): void;
}

/** The result of a handler call that is complete, or a promise of its completion. */
export type MaybePromise = void | Promise<void>;
