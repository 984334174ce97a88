import { isUdfError, messageOf, UdfError } from '../model/errors.js';
import type { BatchInfo } from '../model/batch.js';
import type { OptionCall } from '../model/option-call.js';
import type { Context, UdfDefinition } from '../udf/definition.js';
import { resolveOptions } from '../udf/resolve-options.js';
import { stateObject } from '../udf/definition-problems.js';
import { type ErrorPolicy, type RuntimeOptions, runtimeOptions } from '../udf/runtime-options.js';
import type { LazyBatch } from '../wire/lazy-batch.js';
import { LazyPoint } from '../wire/point/lazy-point.js';
import { nameBytes } from '../wire/text.js';
import type { InstanceDefaults } from './defaults.js';
import type { OutputGuard } from './output-guard.js';
import { classInstanceIn } from './state/plain.js';
import type { StateOptions } from './state/snapshot.js';
import { RepeatFilter } from './repeat-filter.js';
import { GroupTable } from './state/table.js';

/** What an instance is given by its connection. */
export interface InstanceSetup extends Pick<AnyContext, 'count' | 'log' | 'signal' | 'task' | 'node'> {
  readonly calls: readonly OptionCall[];
  readonly defaults: InstanceDefaults;
  readonly guard: OutputGuard;
}

type AnyContext = Context<unknown, unknown, unknown, unknown>;

/** A call of a handler that is over, or a promise of its end. */
export type MaybePromise = void | Promise<void>;

/** A definition's handlers with the arguments that they are called with: `defineUdf` has checked which there are. */
interface BoundHandlers {
  point(point: LazyPoint, context: AnyContext): unknown;
  batch(batch: LazyBatch, context: AnyContext): unknown;
  beginBatch?(batch: BatchInfo, context: AnyContext): unknown;
  endBatch?(batch: BatchInfo, context: AnyContext): unknown;
  stop?(context: AnyContext & { readonly group: string }): unknown;
}

/** One use of a UDF in a task: its options, its groups' state, and the calls of its handlers. */
export class Instance {
  readonly onError: ErrorPolicy;
  readonly groups: GroupTable;
  /** The options that the state depends on: the UDF's own, besides those that only shape its output. */
  readonly stateOptions: StateOptions;
  readonly #handlers: BoundHandlers;
  readonly #guard: OutputGuard;
  readonly #udf: string;
  readonly #stateful: boolean;
  readonly #repeats: RepeatFilter | undefined;
  /** The index of the current group, and the state with which its handler was called. */
  #group = 0;
  #state: unknown;
  #hasWarned = false;
  readonly #context: { -readonly [Key in keyof AnyContext]: AnyContext[Key] };

  /** Throws `invalid_options` with every problem in one message, in TICKscript terms, or what `prepare` throws. */
  constructor(definition: UdfDefinition, { calls, defaults, guard, ...given }: InstanceSetup) {
    const { handlers } = definition;
    const options = checkedOptions(definition, calls);
    const prepared = withPlace('prepare', () =>
      handlers.prepare(options, { task: given.task, node: given.node }),
    );
    // The runtime's options are among every definition's, so they have been resolved with the rest.
    const { onError, groupTtl, maxGroups, distinct } = options as Readonly<Record<string, unknown>> &
      RuntimeOptions;
    this.onError = onError ?? defaults.onError ?? definition.onError;
    if (this.onError === 'pass' && definition.wants !== definition.provides) {
      throw new UdfError(
        'invalid_options',
        `${definition.name}: .onError('pass') needs a UDF that provides what it wants`,
      );
    }
    if (distinct && definition.wants === 'batch') {
      throw new UdfError(
        'invalid_options',
        `${definition.name}: .distinct() needs a UDF that wants a stream`,
      );
    }
    this.#repeats = distinct ? new RepeatFilter() : undefined;
    const create = handlers.state;
    this.#stateful = create !== undefined;
    this.stateOptions = pick(options, stateOptionNames(definition));
    const expiry = { ttl: groupTtl ?? defaults.groupTtl, max: maxGroups ?? defaults.maxGroups };
    const createState = (): unknown => {
      const state = create && withPlace('state', () => create(options, prepared));
      if (this.groups.size === 0) this.inspectState(state);
      return state;
    };
    this.groups = new GroupTable(createState, this.#stateful ? expiry : {});
    this.#udf = definition.name;
    this.#handlers = handlers as unknown as BoundHandlers; // see there
    this.#guard = guard;
    this.#context = { ...given, emit: guard.emit, options, prepared, state: undefined };
  }

  /** Calls `point` for a point of a stream. */
  point(point: LazyPoint): MaybePromise {
    if (this.#repeats?.isRepeat(point)) {
      this.#context.count('repeated');
      return undefined;
    }
    if (this.#stateful) {
      const { buf, groupStart, groupLength } = LazyPoint.sectionsOf(point);
      this.#enter(buf, groupStart, groupLength);
      if (this.groups.expires) this.#used(point.time);
    }
    return this.#finish(this.#handlers.point(point, this.#context), 'point');
  }

  /** Calls `batch` for a whole batch. */
  batch(batch: LazyBatch): MaybePromise {
    this.#enterBatch(batch.group);
    if (this.groups.expires) this.#used(batch.time);
    return this.#finish(this.#handlers.batch(batch, this.#context), 'batch');
  }

  /** Calls `beginBatch`; the points and the end that follow are of the same group. */
  beginBatch(batch: BatchInfo): MaybePromise {
    this.#enterBatch(batch.group);
    return this.#finish(this.#handlers.beginBatch?.(batch, this.#context), 'beginBatch');
  }

  /** Calls `point` for a point of the batch that was begun. */
  batchPoint(point: LazyPoint): MaybePromise {
    this.#context.state = this.#state; // an earlier call may have assigned another and then thrown
    return this.#finish(this.#handlers.point(point, this.#context), 'point');
  }

  /** Calls `endBatch` for the batch that was begun. */
  endBatch(batch: BatchInfo & { readonly time: bigint }): MaybePromise {
    if (this.groups.expires) this.groups.touch(this.#group, batch.time);
    this.#context.state = this.#state;
    return this.#finish(this.#handlers.endBatch?.(batch, this.#context), 'endBatch');
  }

  /** The groups that `stop` is to be called for; without state there is one call. */
  groupsToStop(): Iterable<number> {
    return this.#stateful ? this.groups.indexes() : [noGroup];
  }

  /** Calls `stop` for a group. */
  stop(group: number): MaybePromise {
    this.#group = group;
    this.#context.state = this.#state = this.#stateful ? this.groups.state(group) : undefined;
    return this.#finish(this.#handlers.stop?.({ ...this.#context, group: this.groupName(group) }), 'stop');
  }

  /** The name of a group as Kapacitor writes it. */
  groupName(group: number): string {
    return Buffer.from(this.groups.name(group) ?? '', 'latin1').toString();
  }

  #enterBatch(group: string): void {
    if (!this.#stateful) return;
    const name = nameBytes(group);
    this.#enter(name, 0, name.length);
  }

  #enter(buf: Uint8Array, start: number, length: number): void {
    this.#group = this.groups.findOrCreate(buf, start, length);
    this.#context.state = this.#state = this.groups.state(this.#group);
  }

  #used(time: bigint): void {
    this.groups.enter(this.#group, time);
    this.#context.state = this.#state = this.groups.state(this.#group);
  }

  /** Sends what a handler has returned, and keeps the state that it has assigned; a handler that threw did neither. */
  #finish(result: unknown, handler: string): MaybePromise {
    if (result !== undefined && result !== null) {
      if (!(result instanceof LazyPoint) && isThenable(result)) {
        return Promise.resolve(result).then((value) => {
          if (value !== undefined && value !== null) this.#guard.returned(value, handler);
          this.#keepState();
        });
      }
      this.#guard.returned(result, handler);
    }
    if (this.#context.state !== this.#state) this.#keepState();
    return undefined;
  }

  #keepState(): void {
    const { state } = this.#context;
    if (state === this.#state) return;
    if (!this.#stateful) {
      throw new UdfError('handler', 'context.state was assigned, but the definition has no "state"');
    }
    stateObject(this.#udf, 'context.state', state);
    this.groups.setState(this.#group, state);
    this.#state = state;
  }

  /** Throws if a restored state is none that handlers could work with. */
  checkState(state: unknown): void {
    if (this.#stateful) stateObject(this.#udf, 'a state', state);
  }

  /** Warns, once, of an object of a class in a state. */
  inspectState(state: unknown): void {
    if (this.#hasWarned) return;
    const found = classInstanceIn(state);
    if (!found) return;
    this.#hasWarned = true;
    const { path, className } = found;
    this.#context.log.warn(
      `${path} is a ${className}: a snapshot keeps its data without its class, so it comes back without its methods; keep plain data in the state`,
    );
  }
}

/** The names of the options that a UDF's state depends on. */
export function stateOptionNames({ options, stateIndependentOf }: UdfDefinition): string[] {
  return Object.keys(options).filter(
    (name) => !Object.hasOwn(runtimeOptions, name) && !stateIndependentOf.includes(name),
  );
}

function pick(values: Readonly<Record<string, unknown>>, names: readonly string[]): StateOptions {
  return Object.fromEntries(names.map((name) => [name, values[name]]));
}

/** The index of no group. */
const noGroup = -1;

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value;
}

/** What a function of the definition returns. What it throws gets its name: no point or batch says where that was. */
function withPlace<Result>(place: string, call: () => Result): Result {
  try {
    return call();
  } catch (reason) {
    if (isUdfError(reason)) throw reason;
    throw new UdfError('handler', `${messageOf(reason)} in ${place}`, { cause: reason });
  }
}

/** The options as handlers read them. Throws `invalid_options`, and what `check` throws. */
function checkedOptions(
  definition: UdfDefinition,
  calls: readonly OptionCall[],
): Readonly<Record<string, unknown>> {
  const { options, problems } = resolveOptions(definition.options, calls, (given) =>
    withPlace('check', () => definition.handlers.check(given)),
  );
  if (problems.length > 0)
    throw new UdfError('invalid_options', `${definition.name}: ${problems.join('; ')}`);
  return options;
}
