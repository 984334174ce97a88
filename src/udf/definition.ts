import { UdfError } from '../model/errors.js';
import type { EdgeType } from '../model/values.js';
import type { Batch, BatchInfo } from '../model/batch.js';
import type { OptionSpecs, OptionValues } from './option.js';
import type { BatchPoint, Point } from '../model/point.js';
import { errorPolicies, type ErrorPolicy, runtimeOptions } from './runtime-options.js';

/** Writes to the host's log, with the UDF, task and node already named. */
export interface UdfLog {
  debug(message: string, details?: Readonly<Record<string, unknown>>): void;
  info(message: string, details?: Readonly<Record<string, unknown>>): void;
  warn(message: string, details?: Readonly<Record<string, unknown>>): void;
  error(message: string, details?: Readonly<Record<string, unknown>>): void;
}

/** What a handler works with besides its input. One object for all calls: `state` is the current group's. */
export interface Context<Options, Prepared, State, Output> {
  /** The options of the TICKscript, checked and defaulted. */
  readonly options: Options;
  /** What `prepare` returned. */
  readonly prepared: Prepared;
  /** The current group's state. Assign to it to replace it. */
  state: State;
  /**
   * Sends something on. Throws `handler` for what the UDF does not provide (a batch from a stream, `undefined`),
   * and `limit` when more is waiting to be sent than the host allows.
   */
  emit(this: void, output: Output): void;
  /**
   * Adds to one of the UDF's own counters (`late`, `missing`, …), shown in the log and in telemetry; 1 if not given.
   * Throws `invalid_argument` for what is not a whole number.
   */
  count(this: void, counter: string, by?: number): void;
  readonly log: UdfLog;
  /** Ends when the connection does: for an async handler's own requests. */
  readonly signal: AbortSignal;
  readonly task: string;
  readonly node: string;
}

/** What `check` and `prepare` know. */
export interface Setup {
  readonly task: string;
  readonly node: string;
}

interface Base<Name extends string, Specs extends OptionSpecs, Prepared, State> {
  /** How TICKscripts call it: `@name()`. A letter, then letters, digits and `_`. */
  readonly name: Name;
  /** One line on what it does, shown by `kapacitor-udf list`. */
  readonly doc?: string;
  readonly options?: Specs;
  /** What is wrong with the options taken together, in TICKscript terms; nothing if all is well. */
  check?(this: void, options: OptionValues<Specs>): readonly string[];
  /** Work that is done once per use in a TICKscript, at init; handlers read the result as `prepared`. */
  prepare?(this: void, options: OptionValues<Specs>, setup: Setup): Prepared;
  /**
   * A new group's state. Plain data, since the runtime snapshots it: numbers, bigints, strings, booleans, null,
   * arrays, objects, Map, Set, Date and typed arrays; and points, which should be detached. An object of a class comes
   * back from a snapshot without its class.
   */
  state?(this: void, options: OptionValues<Specs>, prepared: Prepared): State;
  /** The version of the state's shape, 1 if it never changed. A snapshot of an older version goes through `migrate`. */
  readonly version?: number;
  /** One group's state as an older version stored it, in today's shape. */
  migrate?(this: void, old: unknown, fromVersion: number): State;
  /** What to do when a handler throws, unless the TICKscript says `.onError(…)`. */
  readonly onError?: ErrorPolicy;
}

/** What `emit` takes. */
type Emitted<Provides extends EdgeType> = Provides extends 'stream' ? Point | BatchPoint : Batch;

/** A UDF on a stream. */
export interface StreamUdf<
  Name extends string,
  Specs extends OptionSpecs,
  Prepared,
  State,
  Provides extends EdgeType,
> extends Base<Name, Specs, Prepared, State> {
  readonly wants: 'stream';
  readonly provides: Provides;
  /** Called for each point, in order. If it returns a promise, the next call waits for it. */
  point(
    this: void,
    point: Point,
    context: Context<OptionValues<Specs>, Prepared, State, Provides extends 'stream' ? Point : Batch>,
  ): void | Promise<void>;
}

/** A UDF on whole batches. */
export interface BatchUdf<
  Name extends string,
  Specs extends OptionSpecs,
  Prepared,
  State,
  Provides extends EdgeType,
> extends Base<Name, Specs, Prepared, State> {
  readonly wants: 'batch';
  readonly provides: Provides;
  /** Called for each batch once it is complete. If it returns a promise, the next call waits for it. */
  batch(
    this: void,
    batch: Batch,
    context: Context<OptionValues<Specs>, Prepared, State, Emitted<Provides>>,
  ): void | Promise<void>;
}

/**
 * A UDF on batches, point by point. Nothing of the input is kept, so a batch may be larger than memory. If it provides
 * batches, what is emitted between a batch's begin and its end is kept and goes out as one batch of the same name, tags
 * and time; it may be as large as the host's `batchBytes`.
 *
 * A batch's time comes with its end. So `groupTtl` cannot make a group begin afresh with the batch that comes after a long
 * silence: it does once batches of other groups show that the time has passed.
 */
export interface StreamingBatchUdf<
  Name extends string,
  Specs extends OptionSpecs,
  Prepared,
  State,
  Provides extends EdgeType,
> extends Base<Name, Specs, Prepared, State> {
  readonly wants: 'batch';
  readonly provides: Provides;
  beginBatch?(
    this: void,
    batch: BatchInfo,
    context: Context<OptionValues<Specs>, Prepared, State, Point | BatchPoint>,
  ): void | Promise<void>;
  point(
    this: void,
    point: BatchPoint,
    context: Context<OptionValues<Specs>, Prepared, State, Point | BatchPoint>,
  ): void | Promise<void>;
  endBatch?(
    this: void,
    batch: BatchInfo & { readonly time: bigint },
    context: Context<OptionValues<Specs>, Prepared, State, Point | BatchPoint>,
  ): void | Promise<void>;
}

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
  readonly version: number;
  readonly onError: ErrorPolicy;
  readonly handlers: Handlers;
}

/** A definition's functions with their types erased: the runtime passes each what its own definition produced. */
export interface Handlers {
  readonly check: (options: unknown) => readonly string[];
  readonly prepare: (options: unknown, setup: Setup) => unknown;
  readonly state: ((options: unknown, prepared: unknown) => unknown) | undefined;
  readonly migrate: ((old: unknown, fromVersion: number) => unknown) | undefined;
  readonly point: ((point: never, context: never) => void | Promise<void>) | undefined;
  readonly batch: ((batch: never, context: never) => void | Promise<void>) | undefined;
  readonly beginBatch: ((batch: never, context: never) => void | Promise<void>) | undefined;
  readonly endBatch: ((batch: never, context: never) => void | Promise<void>) | undefined;
}

// eslint-disable-next-line @typescript-eslint/no-generated-empty-object-type -- exactly that: no option name compiles
type NoOptions = Record<never, never>;

/** A name that a TICKscript can write after `@` or `.`. */
const identifier = /^[A-Za-z][A-Za-z0-9_]*$/;

/**
 * Defines a UDF. What it returns can be hosted on a socket or as a child process, and tested, unchanged.
 *
 * Throws `invalid_argument` when the definition contradicts itself: a name that a TICKscript cannot write, an option
 * that the runtime offers itself, a handler that does not fit what it wants.
 */
export function defineUdf<
  const Name extends string,
  const Provides extends EdgeType,
  Prepared = undefined,
  State = undefined,
  const Specs extends OptionSpecs = NoOptions,
>(udf: StreamUdf<Name, Specs, Prepared, State, Provides>): UdfDefinition<Specs>;
export function defineUdf<
  const Name extends string,
  const Provides extends EdgeType,
  Prepared = undefined,
  State = undefined,
  const Specs extends OptionSpecs = NoOptions,
>(udf: BatchUdf<Name, Specs, Prepared, State, Provides>): UdfDefinition<Specs>;
export function defineUdf<
  const Name extends string,
  const Provides extends EdgeType,
  Prepared = undefined,
  State = undefined,
  const Specs extends OptionSpecs = NoOptions,
>(udf: StreamingBatchUdf<Name, Specs, Prepared, State, Provides>): UdfDefinition<Specs>;
export function defineUdf(udf: AnyUdf): UdfDefinition {
  const problems = definitionProblems(udf);
  if (problems.length > 0) {
    throw new UdfError('invalid_argument', `UDF "${udf.name}": ${problems.join('; ')}`);
  }
  return {
    [udfBrand]: true,
    name: udf.name,
    doc: udf.doc ?? '',
    wants: udf.wants,
    provides: udf.provides,
    options: { ...udf.options, ...runtimeOptions },
    version: udf.version ?? 1,
    onError: udf.onError ?? 'stop',
    handlers: {
      check: (options) => udf.check?.(options as never) ?? [],
      prepare: (options, setup) => udf.prepare?.(options as never, setup),
      state: udf.state as Handlers['state'],
      migrate: udf.migrate,
      point: udf.point,
      batch: udf.batch,
      beginBatch: udf.beginBatch,
      endBatch: udf.endBatch,
    },
  };
}

/** Whether a value (a loaded module's export, say) is what `defineUdf` returns, from any copy of this package. */
export function isUdfDefinition(value: unknown): value is UdfDefinition {
  return typeof value === 'object' && value !== null && udfBrand in value;
}

/** As `option.string()` and its like make it. */
function isOptionSpec(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'args' in value && 'shape' in value;
}

/** Any definition before its types are erased: what the overloads have in common. */
interface AnyUdf extends Base<string, OptionSpecs, unknown, unknown> {
  readonly wants: EdgeType;
  readonly provides: EdgeType;
  readonly point?: (point: never, context: never) => void | Promise<void>;
  readonly batch?: (batch: never, context: never) => void | Promise<void>;
  readonly beginBatch?: (batch: never, context: never) => void | Promise<void>;
  readonly endBatch?: (batch: never, context: never) => void | Promise<void>;
}

function definitionProblems(udf: AnyUdf): string[] {
  const problems: string[] = [];
  if (typeof udf.name !== 'string' || !identifier.test(udf.name))
    problems.push('the name must be a letter, then letters, digits and _');
  for (const edge of [udf.wants, udf.provides] as string[]) {
    if (edge !== 'stream' && edge !== 'batch') {
      problems.push(`"wants" and "provides" are 'stream' or 'batch', got "${edge}"`);
    }
  }
  for (const [name, spec] of Object.entries(udf.options ?? {})) {
    if (!isOptionSpec(spec))
      problems.push(`option "${name}" is made by option.string() or another of \`option\``);
    if (!identifier.test(name))
      problems.push(`option "${name}" must be a letter, then letters, digits and _`);
    if (Object.hasOwn(runtimeOptions, name))
      problems.push(`option "${name}" is one the runtime offers on every UDF`);
  }
  if (udf.wants === 'stream' && (!udf.point || udf.batch || udf.beginBatch || udf.endBatch)) {
    problems.push('a UDF that wants a stream has one handler: point');
  }
  if (udf.wants === 'batch' && (udf.batch ? udf.point || udf.beginBatch || udf.endBatch : !udf.point)) {
    problems.push(
      'a UDF that wants batches has either batch, or point with beginBatch and endBatch as needed',
    );
  }
  if (udf.onError !== undefined && !errorPolicies.includes(udf.onError)) {
    problems.push(
      `"onError" is ${errorPolicies.map((policy) => `'${policy}'`).join(', ')}, got "${udf.onError as string}"`,
    );
  }
  if (udf.onError === 'pass' && udf.wants !== udf.provides) {
    problems.push("onError: 'pass' needs a UDF that provides what it wants");
  }
  const version = udf.version ?? 1;
  if (!Number.isInteger(version) || version < 1) problems.push('"version" is a whole number from 1');
  if (version > 1 && !udf.migrate)
    problems.push(`version ${version} needs "migrate" for snapshots of older ones`);
  return problems;
}
