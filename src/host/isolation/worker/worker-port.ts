import type { HandlerRunsReader } from '../../../agent/handler-runs.js';
import type { FromWorker, ServeMessage, UdfInfo } from './messages.js';
import type { WorkerEnd } from './worker-end.js';

/** What a worker that serves a connection sends beside its output. */
export type WorkerMessage = Extract<FromWorker, { readonly kind: 'log' | 'letter' | 'done' }>;

/** Settings of the connection that a worker serves, without the memory shared with the front: the port adds it. */
export type ServeSettings = Omit<
  ServeMessage,
  'kind' | 'input' | 'output' | 'signals' | 'runs' | 'maxBufferBytes'
>;

/** The bytes that a worker has written, in order. */
export interface OutputSource {
  /** Whether nothing waits to be read. */
  readonly isEmpty: boolean;
  /** The position after the bytes that were read last, for `release`. */
  readonly readPosition: number;
  /** The next bytes, in memory that is kept until `release`; `undefined` if there are none: `woken` follows. */
  readInPlace(): Buffer | undefined;
  /** Frees the memory of all that was read up to `position`, or lets the worker write as much again. */
  release(position: number): void;
}

/** What a port calls. */
export interface WorkerPortEvents {
  message(message: WorkerMessage): void;
  /** There is output to read, or room for input. */
  woken(): void;
}

/** The way to a worker and back, wherever it runs. */
export interface WorkerPort {
  /** Its UDFs, once their modules are loaded. Rejects if one cannot be, or the worker ends before. */
  readonly loaded: Promise<readonly UdfInfo[]>;
  /** Settles when the worker has ended, for whatever reason. What it had written before can still be read. */
  readonly exited: Promise<WorkerEnd>;
  readonly output: OutputSource;
  /** The runs of the worker's handlers, also those at its end. */
  readonly runs: Pick<HandlerRunsReader, 'current' | 'begunBytes'>;
  /** Whether the worker cannot be reached for now: it handles nothing that comes meanwhile. */
  readonly isAway: boolean;
  /** To be called once, before `serve`. */
  listen(events: WorkerPortEvents): void;
  /** Starts the worker's work. To be called once. */
  serve(settings: ServeSettings): void;
  /** Gives the worker input: as much as there is room for. Returns how much; with less than all, `woken` follows. */
  write(buf: Buffer, start: number, end: number): number;
  /** The worker gets no more input: it drains, and sends `done`. */
  endInput(): void;
  /** Asks for the statistics with the next acknowledgement. */
  wantStats(): void;
  /** A number that changes whenever the worker does something: with `alive`, also when its event loop turns. */
  activity(alive: boolean): number;
  /** Ends the worker at once; `end` is then the reason unless there is one already. */
  terminate(end?: WorkerEnd): void;
}
