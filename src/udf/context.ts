import type { GroupItems, NewItem, Timers } from './timers.js';

/**
 * Writes to the host's log, with the UDF, task and node already named. Each use of a UDF may log 100 lines at once, then 10
 * a second; the number of lines that this suppresses is logged. Levels that the host does not log do not count.
 */
export interface UdfLog {
  debug(message: string, details?: Readonly<Record<string, unknown>>): void;
  info(message: string, details?: Readonly<Record<string, unknown>>): void;
  warn(message: string, details?: Readonly<Record<string, unknown>>): void;
  error(message: string, details?: Readonly<Record<string, unknown>>): void;
}

/**
 * The global `AbortSignal`, which `fetch` and Node's own functions take. Where no types declare it, the part of it that
 * needs none: this package compiles without `@types/node` and DOM types.
 */
export type ConnectionSignal = typeof globalThis extends { AbortSignal: { prototype: infer Signal } }
  ? Signal
  : { readonly aborted: boolean; readonly reason: unknown; throwIfAborted(): void };

/** A handler's second argument. One object is reused for all calls; `state` is the current group's. */
export interface Context<Options, Prepared, State, Output> {
  /** The options of the TICKscript, checked and defaulted. */
  readonly options: Options;
  /** What `prepare` returned. */
  readonly prepared: Prepared;
  /**
   * The current group's state: change what is in it, or assign another object to `context.state`. A variable that was
   * destructured from it (`{ state }`) can only be changed, not replaced.
   */
  state: State;
  /**
   * Sends a point or a batch. A handler may also return it; `emit` is for sending several one after the other, and from
   * inside other functions. After the connection has ended it does nothing, which is logged once.
   *
   * Throws `handler` for what the UDF does not provide (a batch from a stream, `undefined`), and `limit` when more is
   * waiting to be sent than the host allows (64 MiB by default): return an array, or wait for `drained` in between.
   */
  emit(this: void, output: Output): void;
  /**
   * Resolves once Kapacitor has read nearly all that was emitted; at once if it keeps up. For an async handler that emits
   * very much, every thousand points, say. Rejects with `connection` if the connection ends before.
   */
  drained(this: void): Promise<void>;
  /**
   * Adds to one of the UDF's own counters (`late`, `missing`, …), shown in the log and in telemetry; 1 if not given.
   * Throws `invalid_argument` for what is not a whole number.
   */
  count(this: void, counter: string, by?: number): void;
  readonly log: UdfLog;
  /** The current group's timers; the definition's `timer` is called when one fires. */
  readonly timers: Timers;
  /** The time of day in nanoseconds since the epoch, by the clock that timers of the `wall` clock wait for: in a test, the test's. */
  now(this: void): bigint;
  /**
   * For an async handler's own requests: aborts when the connection ends, and if the definition has `callTimeoutMs` when this
   * call has taken this long; `signal.reason` is then the `UdfError` with the code `handler_timeout`.
   */
  readonly signal: ConnectionSignal;
  readonly task: string;
  readonly node: string;
}

/** The argument of `stop`. */
export interface StopContext<Options, Prepared, State, Output>
  extends Context<Options, Prepared, State, Output>, GroupItems<NewItem> {
  /** The group's ID as Kapacitor formats it, such as `host=router1`; empty when nothing is grouped. */
  readonly group: string;
}

/** The second argument of `timer`. */
export interface TimerContext<Options, Prepared, State, Output>
  extends Context<Options, Prepared, State, Output>, GroupItems<Partial<NewItem>> {
  /** The group's ID as Kapacitor formats it, such as `host=router1`; empty when nothing is grouped. */
  readonly group: string;
}

/** What a handler may return: nothing (also `null`), one item that it emits, several, or a promise of either. */
export type HandlerResult<Output> = Emission<Output> | Promise<Emission<Output>>;

// eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- `void` lets a handler end without a `return`
type Emission<Output> = void | null | undefined | Output | readonly Output[];

/** The task and node that a UDF is prepared for. */
export interface Setup {
  readonly task: string;
  readonly node: string;
}
