import { UdfError } from '../model/errors.js';
import type { EdgeType } from '../model/values.js';
import type { Batch, BatchInfo } from '../model/batch.js';
import type { OptionSpecs, OptionValues } from './option.js';
import type { BatchPoint, Point } from '../model/point.js';
import type { Context, StopContext, TimerContext, HandlerResult, Setup } from './context.js';
import { checkedProblems, definitionProblems, checkedState, refusePromise } from './definition-problems.js';
import { noteSource } from './definition-source.js';
import { type ErrorPolicy, runtimeOptions } from './runtime-options.js';
import type { Timer } from './timers.js';

/** Names of options, for handlers that only uses with one of these options have. */
export interface OnlyWith<Name extends string = string> {
  readonly timer?: readonly Name[];
  readonly stop?: readonly Name[];
}

/** The order of the output of calls that overlap: within each group, or across all. */
export type CallOrder = 'group' | 'all';

/** The calls that overlap: of different groups, or all. */
export type CallOverlap = 'groups' | 'all';

/** A group's state is an object, so that a change through any reference is kept. */
type StateObject = object | undefined;

/**
 * A UDF as an author writes it.
 *
 * On a stream it has `point`. On batches it has `batch` for whole ones, or `point` with `beginBatch` and `endBatch` as
 * needed: then nothing of the input is kept, so a batch may be larger than memory. If it provides batches too, what is
 * emitted between a batch's begin and its end is kept and sent as one batch of the same name, tags and time; it may be as
 * large as the host's `batchBytes`.
 *
 * The time of a batch that is handled point by point comes with its end. So `groupTtl` cannot make a group begin afresh
 * with the batch that comes after a long silence: it does once batches of other groups show that the time has passed.
 */
export interface Udf<
  Name extends string,
  Wants extends EdgeType,
  Provides extends EdgeType,
  Specs extends OptionSpecs,
  Prepared,
  State extends StateObject,
> {
  /** How TICKscripts call it: `@name()`. A letter, then letters, digits and `_`. */
  readonly name: Name;
  /** One line on what it does, shown by `kapacitor-udf list`. */
  readonly doc?: string;
  /** Its input: a stream of points, or batches. */
  readonly wants: Wants;
  /** Its output: a stream of points, or batches. */
  readonly provides: Provides;
  readonly options?: Specs;
  /**
   * Options that the state does not depend on, such as the name of an emitted field: a snapshot is used although they have
   * changed since it was taken. If another option has changed, groups start afresh, which is logged.
   */
  readonly stateIndependentOf?: readonly (string & keyof NoInfer<Specs>)[];
  /**
   * Options that `timer` or `stop` is for. A use in a TICKscript without any of them has no such handler, nor its
   * cost: no ticks in an isolated worker, no timers in its snapshots, no call for each group at the end. It cannot set timers.
   */
  readonly onlyWith?: OnlyWith<string & keyof NoInfer<Specs>>;
  /** Checks the options together. Returns their problems in TICKscript terms, empty if there are none. Not async. */
  check?(this: void, options: OptionValues<Specs>): readonly string[];
  /** Work that is done once per use in a TICKscript, at init; handlers read the result as `prepared`. Not async. */
  prepare?(this: void, options: OptionValues<Specs>, setup: Setup): Prepared;
  /**
   * A new group's state: a new object each time. Plain data, since the runtime snapshots it: numbers, bigints, strings,
   * booleans, null, arrays, objects, Map, Set, Date and typed arrays; and points, which should be detached. An object of
   * a class comes back from a snapshot without its class, which is logged once.
   */
  state?(this: void, options: OptionValues<Specs>, prepared: Prepared): State;
  /** The version of the state's shape, 1 if it never changed. A snapshot of an older version goes through `migrate`. */
  readonly version?: number;
  /**
   * Converts one group's state from an older version. To start afresh instead, throw
   * `new UdfError('snapshot_migration', reason)`: the reason is logged as a warning.
   */
  migrate?(this: void, old: unknown, fromVersion: number): State;
  /**
   * Whether one group's state, restored from a snapshot and migrated if need be, is one that the handlers can work with.
   * If it is false for any group, the snapshot counts as damaged: it is logged as `snapshot_damaged` and all groups start
   * afresh, or the restore is refused where the host is strict. Without it, a state whose values are impossible makes each
   * of its group's points fail, after every restore. Called once per group, with a copy that it must not
   * change; not async.
   */
  isState?(this: void, state: unknown): boolean;
  /**
   * How many calls of an async `point` or `batch` may be under way at once, from 1 (the default) to 1,024: for handlers that
   * wait for a database or a service. Calls of different groups overlap; those of one group never do, and come in order.
   *
   * Each call has a context of its own. Snapshots, restores and `stop` wait until all calls of the input before them have
   * ended. No further input is taken while 16 times as many points or batches wait for their groups' calls. When the
   * connection ends, calls that have not begun are dropped, as input is that was not read. Not for a UDF with `timer`.
   */
  readonly concurrency?: number;
  /**
   * The order of the output of calls that overlap. `'group'`, the default: within each group, output is sent as it is
   * emitted. `'all'`: in the order of the input across all groups; what a call emits is held back until those ahead of it
   * have ended. An isolated UDF (`serve --isolate`) always has the order of `'all'`, as one in a
   * test or a replay has, whose output is then the same each time.
   */
  readonly ordered?: CallOrder;
  /**
   * Which calls overlap: those of different `'groups'`, the default, or `'all'`, also those of one group. That needs
   * `ordered: 'all'` and no `state`: then the order of the input shows in the output alone.
   */
  readonly overlap?: CallOverlap;
  /**
   * Max milliseconds from the call of an async `point` or `batch` to the end of its promise, from 1 to 2,147,483,647. A call
   * that takes longer fails with `handler_timeout`: `context.signal` aborts with that error, `onError` applies, and the next
   * call of the group begins. What the handler emits or assigns to `context.state` after that is lost; it should not change
   * its state any more. Time in which its output waits for Kapacitor does not count. The host's limit `handlerMs`, which
   * ends the connection, holds besides.
   */
  readonly callTimeoutMs?: number;
  /** What to do when a handler throws, unless the TICKscript says `.onError(…)`. */
  readonly onError?: ErrorPolicy;
  /** Called for each point, in order. If it returns a promise, the next call waits for it, unless `concurrency` lets it overlap. */
  point?(
    this: void,
    point: PointInput<Wants>,
    context: Context<OptionValues<Specs>, Prepared, State, PointOutput<Wants, Provides>>,
  ): HandlerResult<PointOutput<Wants, Provides>>;
  /**
   * Called for each batch once it is complete. If it returns a promise, the next call waits for it, unless `concurrency` lets
   * it overlap.
   */
  batch?(
    this: void,
    batch: Batch,
    context: Context<OptionValues<Specs>, Prepared, State, BatchOutput<Provides>>,
  ): HandlerResult<BatchOutput<Provides>>;
  /** Called when a batch begins, before its points. */
  beginBatch?(
    this: void,
    batch: BatchInfo,
    context: Context<OptionValues<Specs>, Prepared, State, Point | BatchPoint>,
  ): HandlerResult<Point | BatchPoint>;
  /** Called when a batch ends, after its points. */
  endBatch?(
    this: void,
    batch: BatchInfo & { readonly time: bigint },
    context: Context<OptionValues<Specs>, Prepared, State, Point | BatchPoint>,
  ): HandlerResult<Point | BatchPoint>;
  /**
   * Called when a timer fires that a handler has set with `context.timers`; it is not set any more then, and may be set
   * again. `newPoint` and `newBatch` of the context create points and batches of the group.
   *
   * A timer that a point or a batch reaches fires before that is handled, those of several times in their order. Where the
   * points of a batch are handled one by one, it fires after the batch, whose time comes with its end. Timers of the wall
   * clock fire between points and between such batches. If it returns a promise, the next call waits for it. When it
   * throws, `onError` holds as for a point, but there is nothing to pass on.
   */
  timer?(
    this: void,
    timer: Timer,
    context: TimerContext<OptionValues<Specs>, Prepared, State, StopOutput<Provides>>,
  ): HandlerResult<StopOutput<Provides>>;
  /**
   * Called for each group when the input has ended, to emit what is left: when Kapacitor stops the task, or the host
   * drains. Kapacitor still takes it then: it closes only its writing side and reads until we close ours. Without `state`
   * it is called once. If it returns a promise, the next call waits for it. A host that drains cuts it off after
   * `drainMs`; it is not called when the connection is lost or the task fails.
   *
   * To emit a point that continues the group's, keep its last one, detached, in the state.
   */
  stop?(
    this: void,
    context: StopContext<OptionValues<Specs>, Prepared, State, StopOutput<Provides>>,
  ): HandlerResult<StopOutput<Provides>>;
}

/** What the handlers of a UDF are given and emit, by what it wants and provides. */
type BatchOutput<Provides extends EdgeType> = Provides extends 'stream' ? Point | BatchPoint : Batch;
type PointInput<Wants extends EdgeType> = Wants extends 'stream' ? Point : BatchPoint;
type PointOutput<Wants extends EdgeType, Provides extends EdgeType> = Wants extends 'stream'
  ? StopOutput<Provides>
  : Point | BatchPoint;
type StopOutput<Provides extends EdgeType> = Provides extends 'stream' ? Point : Batch;

/** A UDF that wants a stream has `point`, and no handler of batches. */
interface HandlersOfStream {
  readonly point: unknown;
  readonly batch?: never;
  readonly beginBatch?: never;
  readonly endBatch?: never;
}

/** A UDF that wants batches has `batch` for whole ones, … */
interface HandlersOfWholeBatches {
  readonly batch: unknown;
  readonly point?: never;
  readonly beginBatch?: never;
  readonly endBatch?: never;
}

/** … or `point`, and `beginBatch` and `endBatch` as needed. */
interface HandlersOfBatchesByPoint {
  readonly point: unknown;
  readonly batch?: never;
}

/** The handlers that a UDF must have. Their signatures do not depend on it: inference needs those in one place. */
type HandlersFor<Wants extends EdgeType> = Wants extends 'stream'
  ? HandlersOfStream
  : HandlersOfWholeBatches | HandlersOfBatchesByPoint;

const udfBrand: unique symbol = Symbol.for('kapacitor-udf.definition');

/** A UDF as `defineUdf` returns it and hosts take it, whatever its options and state are. */
export interface UdfDefinition<Specs extends OptionSpecs = OptionSpecs> {
  readonly [udfBrand]: true;
  readonly name: string;
  readonly doc: string;
  readonly wants: EdgeType;
  readonly provides: EdgeType;
  /** Its own options, then those that the runtime offers on every UDF. */
  readonly options: Specs;
  /** Options that the state does not depend on, besides the runtime's. */
  readonly stateIndependentOf: readonly string[];
  /** Options without which a use has no such handler. */
  readonly onlyWith: OnlyWith;
  readonly version: number;
  readonly onError: ErrorPolicy;
  readonly concurrency: number;
  readonly ordered: CallOrder;
  readonly overlap: CallOverlap;
  readonly callTimeoutMs: number | undefined;
  readonly handlers: Handlers;
}

/** A definition's functions with their types erased; the runtime pairs each with values of the same definition. */
export interface Handlers {
  readonly check: (options: unknown) => readonly string[];
  readonly prepare: (options: unknown, setup: Setup) => unknown;
  readonly state: ((options: unknown, prepared: unknown) => unknown) | undefined;
  readonly migrate: ((old: unknown, fromVersion: number) => unknown) | undefined;
  readonly isState: ((state: unknown) => boolean) | undefined;
  readonly point: ((point: never, context: never) => unknown) | undefined;
  readonly batch: ((batch: never, context: never) => unknown) | undefined;
  readonly beginBatch: ((batch: never, context: never) => unknown) | undefined;
  readonly endBatch: ((batch: never, context: never) => unknown) | undefined;
  readonly timer: ((timer: never, context: never) => unknown) | undefined;
  readonly stop: ((context: never) => unknown) | undefined;
}

// eslint-disable-next-line @typescript-eslint/no-generated-empty-object-type -- exactly that: no option name compiles
type NoOptions = Record<never, never>;

/**
 * Defines a UDF. What it returns can be hosted on a socket or as a child process, and tested, unchanged.
 *
 * Throws `invalid_argument` that lists every problem with its place: an unknown key, a name that a TICKscript cannot
 * write, an option that the runtime offers itself, a handler that does not fit what it wants.
 */
export function defineUdf<
  const Name extends string,
  const Wants extends EdgeType,
  const Provides extends EdgeType,
  Prepared = undefined,
  State extends StateObject = undefined,
  const Specs extends OptionSpecs = NoOptions,
>(udf: Udf<Name, Wants, Provides, Specs, Prepared, State> & HandlersFor<Wants>): UdfDefinition<Specs>;
export function defineUdf(udf: AnyUdf): UdfDefinition {
  const problems = definitionProblems(udf);
  if (problems.length > 0) {
    const { name } = Object(udf) as { readonly name?: unknown }; // in JavaScript it may be anything
    const where = typeof udf === 'object' && typeof name === 'string' ? `UDF "${name}"` : 'defineUdf';
    throw new UdfError('invalid_argument', `${where}: ${problems.join('; ')}`);
  }
  const definition: UdfDefinition = {
    [udfBrand]: true,
    name: udf.name,
    doc: udf.doc ?? '',
    wants: udf.wants,
    provides: udf.provides,
    options: { ...udf.options, ...runtimeOptions },
    stateIndependentOf: udf.stateIndependentOf ?? [],
    onlyWith: udf.onlyWith ?? {},
    version: udf.version ?? 1,
    onError: udf.onError ?? 'stop',
    concurrency: udf.concurrency ?? 1,
    ordered: udf.ordered ?? 'group',
    overlap: udf.overlap ?? 'groups',
    callTimeoutMs: udf.callTimeoutMs,
    handlers: {
      check: (options) => checkedProblems(udf.name, udf.check?.(options as never)),
      prepare: (options, setup) => refusePromise(udf.name, 'prepare', udf.prepare?.(options as never, setup)),
      state: udf.state && checkedState(udf.name, udf.state as NonNullable<Handlers['state']>),
      migrate: udf.migrate,
      isState: udf.isState,
      point: udf.point,
      batch: udf.batch,
      beginBatch: udf.beginBatch,
      endBatch: udf.endBatch,
      timer: udf.timer,
      stop: udf.stop,
    },
  };
  noteSource(definition, import.meta.url);
  return definition;
}

/** Any definition before its types are erased. */
type AnyUdf = Omit<Udf<string, EdgeType, EdgeType, OptionSpecs, unknown, StateObject>, HandlerName> & {
  readonly [Name in HandlerName]?: Handlers[Name];
};

type HandlerName = 'point' | 'batch' | 'beginBatch' | 'endBatch' | 'timer' | 'stop';

/** Whether a value, such as a module's export, was returned by `defineUdf` of any copy of this package. */
export function isUdfDefinition(value: unknown): value is UdfDefinition {
  return typeof value === 'object' && value !== null && udfBrand in value;
}
