import { UdfError } from '../model/errors.js';
import type { BatchInfo } from '../model/batch.js';
import type { Context, UdfDefinition } from '../udf/definition.js';
import { type OptionCall, resolveOptions } from '../udf/resolve-options.js';
import { errorPolicies, type ErrorPolicy, type RuntimeOptions } from '../udf/runtime-options.js';
import type { LazyBatch } from '../wire/lazy-batch.js';
import type { LazyPoint } from '../wire/point/lazy-point.js';
import { nameBytes } from '../wire/text.js';
import { GroupTable } from './state/table.js';

/** What the host decides for every use of a UDF, unless the TICKscript says otherwise. */
export interface InstanceDefaults {
  readonly onError?: ErrorPolicy | undefined;
  readonly groupTtl?: bigint | undefined;
  readonly maxGroups?: number | undefined;
}

/** What is wrong with a host's defaults, if something is. */
export function defaultsProblem({ onError, groupTtl, maxGroups }: InstanceDefaults): string | undefined {
  if (onError !== undefined && !errorPolicies.includes(onError)) {
    return `onError must be one of ${errorPolicies.join(', ')}, got ${onError as string}`;
  }
  if (groupTtl !== undefined && (typeof groupTtl !== 'bigint' || groupTtl <= 0n)) {
    return `groupTtl must be a bigint of nanoseconds above 0, got ${String(groupTtl)}`;
  }
  if (maxGroups !== undefined && (!Number.isSafeInteger(maxGroups) || maxGroups < 1)) {
    return `maxGroups must be a whole number from 1, got ${String(maxGroups)}`;
  }
  return undefined;
}

/** What an instance is given by its connection. */
export interface InstanceSetup extends Pick<
  AnyContext,
  'emit' | 'count' | 'log' | 'signal' | 'task' | 'node'
> {
  readonly calls: readonly OptionCall[];
  readonly defaults: InstanceDefaults;
}

type AnyContext = Context<unknown, unknown, unknown, unknown>;

/** A handler's call: nothing, or a promise of its end. */
export type MaybePromise = void | Promise<void>;

/** A definition's handlers with what they are really called with: `defineUdf` has checked who has which. */
interface Bound {
  point(point: LazyPoint, context: AnyContext): MaybePromise;
  batch(batch: LazyBatch, context: AnyContext): MaybePromise;
  beginBatch?(batch: BatchInfo, context: AnyContext): MaybePromise;
  endBatch?(batch: BatchInfo, context: AnyContext): MaybePromise;
}

/** One use of a UDF in a task: its options, its groups' state, and the calls of its handlers. */
export class Instance {
  readonly onError: ErrorPolicy;
  readonly groups: GroupTable;
  readonly #handlers: Bound;
  readonly #stateful: boolean;
  /** The index of the group that is being worked on. */
  #group = 0;
  readonly #context: { -readonly [Key in keyof AnyContext]: AnyContext[Key] };

  /** Throws `invalid_options` with every problem in one message, in TICKscript terms, or what `prepare` throws. */
  constructor(definition: UdfDefinition, { calls, defaults, ...given }: InstanceSetup) {
    const { handlers } = definition;
    const options = checkedOptions(definition, calls);
    const prepared = handlers.prepare(options, { task: given.task, node: given.node });
    // The runtime's options are among every definition's, so they have been resolved with the rest.
    const { onError, groupTtl, maxGroups } = options as Readonly<Record<string, unknown>> & RuntimeOptions;
    this.onError = onError ?? defaults.onError ?? definition.onError;
    if (this.onError === 'pass' && definition.wants !== definition.provides) {
      throw new UdfError(
        'invalid_options',
        `${definition.name}: .onError('pass') needs a UDF that provides what it wants`,
      );
    }
    const create = handlers.state;
    this.#stateful = create !== undefined;
    const expiry = { ttl: groupTtl ?? defaults.groupTtl, max: maxGroups ?? defaults.maxGroups };
    this.groups = new GroupTable(() => create?.(options, prepared), this.#stateful ? expiry : {});
    this.#handlers = handlers as unknown as Bound;
    this.#context = { ...given, options, prepared, state: undefined };
  }

  /** Calls `point` for a point of a stream. */
  point(point: LazyPoint): MaybePromise {
    if (this.#stateful) {
      const { buf, groupStart, groupLength } = point.sections();
      this.#enter(buf, groupStart, groupLength);
      if (this.groups.expires) this.#used(point.time);
    }
    return this.#keepState(this.#handlers.point(point, this.#context));
  }

  /** Calls `batch` for a whole batch. */
  batch(batch: LazyBatch): MaybePromise {
    this.#enterBatch(batch.group);
    if (this.groups.expires) this.#used(batch.time);
    return this.#keepState(this.#handlers.batch(batch, this.#context));
  }

  /** Calls `beginBatch`; the points and the end that follow are of the same group. */
  beginBatch(batch: BatchInfo): MaybePromise {
    this.#enterBatch(batch.group);
    return this.#keepState(this.#handlers.beginBatch?.(batch, this.#context));
  }

  /** Calls `point` for a point of the batch that was begun. */
  batchPoint(point: LazyPoint): MaybePromise {
    return this.#keepState(this.#handlers.point(point, this.#context));
  }

  /** Calls `endBatch` for the batch that was begun. */
  endBatch(batch: BatchInfo & { readonly time: bigint }): MaybePromise {
    if (this.groups.expires) this.groups.touch(this.#group, batch.time);
    return this.#keepState(this.#handlers.endBatch?.(batch, this.#context));
  }

  #enterBatch(group: string): void {
    if (!this.#stateful) return;
    const name = nameBytes(group);
    this.#enter(name, 0, name.length);
  }

  #enter(buf: Uint8Array, start: number, length: number): void {
    this.#group = this.groups.findOrCreate(buf, start, length);
    this.#context.state = this.groups.state(this.#group);
  }

  #used(time: bigint): void {
    this.groups.enter(this.#group, time);
    this.#context.state = this.groups.state(this.#group);
  }

  /** A handler may have put another state in the old one's place; a handler that threw keeps what was there. */
  #keepState(result: unknown): MaybePromise {
    const called = result === undefined ? undefined : promiseOf(result);
    if (!this.#stateful) return called;
    if (called !== undefined) {
      return called.then(() => {
        this.groups.setState(this.#group, this.#context.state);
      });
    }
    this.groups.setState(this.#group, this.#context.state);
    return undefined;
  }
}

/** In JavaScript a handler may return anything, as `(point, { state }) => state.all.push(1)` does, or a promise of its own. */
function promiseOf(result: unknown): Promise<void> | undefined {
  const isThenable = typeof result === 'object' && result !== null && 'then' in result;
  return isThenable ? Promise.resolve(result as PromiseLike<void>) : undefined;
}

/** The options as handlers read them. Throws `invalid_options`. */
function checkedOptions(
  definition: UdfDefinition,
  calls: readonly OptionCall[],
): Readonly<Record<string, unknown>> {
  const { options, problems } = resolveOptions(definition.options, calls, definition.handlers.check);
  if (problems.length > 0)
    throw new UdfError('invalid_options', `${definition.name}: ${problems.join('; ')}`);
  return options;
}
