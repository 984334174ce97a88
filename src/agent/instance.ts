import { isUdfError, messageOf, UdfError } from '../model/errors.js';
import type { BatchInfo } from '../model/batch.js';
import type { OptionCall } from '../model/option-call.js';
import type { Logger } from '../telemetry/logger.js';
import type { Context, UdfDefinition } from '../udf/definition.js';
import { resolveOptions } from '../udf/resolve-options.js';
import { stateObject } from '../udf/definition-problems.js';
import { type ErrorPolicy, type RuntimeOptions, runtimeOptions } from '../udf/runtime-options.js';
import type { LazyBatch } from '../wire/lazy-batch.js';
import { LazyPoint } from '../wire/point/lazy-point.js';
import type { Response } from '../wire/messages.js';
import { nameBytes } from '../wire/text.js';
import { authorLog } from './author-log.js';
import type { InstanceDefaults } from './defaults.js';
import type { MaybePromise } from './interface.js';
import type { OutputGuard } from './output-guard.js';
import { classInstanceIn } from './state/plain.js';
import type { StateOptions } from './state/header.js';
import type { SnapshotOwner } from './state/snapshot.js';
import { RepeatFilter } from './repeat-filter.js';
import { GroupTable } from './state/table.js';

/** What a session gives its instance. */
export interface InstanceSetup extends Pick<AnyContext, 'count' | 'signal' | 'task' | 'node'> {
  readonly logger: Logger;
  readonly calls: readonly OptionCall[];
  readonly defaults: InstanceDefaults;
  readonly guard: OutputGuard;
}

type AnyContext = Context<unknown, unknown, unknown, unknown>;

/** A definition's handlers with their argument types. `defineUdf` has checked that those the UDF needs are present. */
interface BoundHandlers {
  point(point: LazyPoint, context: AnyContext): unknown;
  batch(batch: LazyBatch, context: AnyContext): unknown;
  beginBatch?(batch: BatchInfo, context: AnyContext): unknown;
  endBatch?(batch: BatchInfo, context: AnyContext): unknown;
  stop?(context: AnyContext & { readonly group: string }): unknown;
}

/** A UDF used in a task: resolved options, the state of each group, and the calls of the handlers. */
export class Instance {
  readonly onError: ErrorPolicy;
  readonly groups: GroupTable;
  readonly snapshotOwner: SnapshotOwner;
  readonly #handlers: BoundHandlers;
  readonly #guard: OutputGuard;
  readonly #udf: string;
  readonly #stateful: boolean;
  readonly #repeats: RepeatFilter | undefined;
  /** The index of the current group, and its state when the handler was called. */
  #group = 0;
  #state: unknown;
  #hasWarned = false;
  readonly #context: { -readonly [Key in keyof AnyContext]: AnyContext[Key] };

  /** Throws `invalid_options` with every problem in one message, in TICKscript terms, or what `prepare` throws. */
  constructor(definition: UdfDefinition, { calls, defaults, guard, logger, ...given }: InstanceSetup) {
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
    const expiry = { ttl: groupTtl ?? defaults.groupTtl, max: maxGroups ?? defaults.maxGroups };
    const createState = (): unknown => {
      const state = create && withPlace('state', () => create(options, prepared));
      if (this.groups.size === 0) this.#inspectState(state);
      return state;
    };
    this.groups = new GroupTable(createState, this.#stateful ? expiry : {});
    this.snapshotOwner = {
      name: definition.name,
      version: definition.version,
      migrate: handlers.migrate,
      isState: handlers.isState,
      options: pick(options, stateOptionNames(definition)),
      defaults: Object.fromEntries(
        Object.entries(definition.options).map(([key, spec]) => [key, spec.default]),
      ),
      checkState: (state) => {
        if (this.#stateful) stateObject(this.#udf, 'a state', state);
      },
      inspect: (state) => {
        this.#inspectState(state);
      },
    };
    this.#udf = definition.name;
    this.#handlers = handlers as unknown as BoundHandlers; // see there
    this.#guard = guard;
    this.#context = {
      ...given,
      log: authorLog(logger, given.signal),
      emit: guard.emit,
      drained: guard.drained,
      options,
      prepared,
      state: undefined,
    };
  }

  /** Calls `point` for a point of a stream. */
  point(point: LazyPoint): MaybePromise {
    if (this.#repeats?.isRepeat(point)) {
      this.#context.count('repeated');
      return undefined;
    }
    if (this.#stateful) {
      const { buf, groupStart, groupLength } = LazyPoint.groupBytesOf(point);
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
    this.#context.state = this.#state; // an earlier call may have assigned context.state and then thrown
    return this.#finish(this.#handlers.point(point, this.#context), 'point');
  }

  /** Calls `endBatch` for the batch that was begun. */
  endBatch(batch: BatchInfo & { readonly time: bigint }): MaybePromise {
    if (this.groups.expires) this.groups.touch(this.#group, batch.time);
    this.#context.state = this.#state;
    return this.#finish(this.#handlers.endBatch?.(batch, this.#context), 'endBatch');
  }

  /** Indexes of the groups to call `stop` for; a UDF without state gets one call. */
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

  /** Sends a handler's return value and keeps a state that it assigned. Not called for a handler that threw. */
  #finish(result: unknown, handler: string): MaybePromise {
    if (result !== undefined && result !== null) {
      if (!LazyPoint.is(result) && isThenable(result)) return this.#finishLater(result, handler);
      const sent = this.#guard.returned(result, handler);
      if (sent) {
        return sent.then(() => {
          this.#keepState();
        });
      }
    }
    if (this.#context.state !== this.#state) this.#keepState();
    return undefined;
  }

  async #finishLater(result: PromiseLike<unknown>, handler: string): Promise<void> {
    const value = await result;
    if (value !== undefined && value !== null) await this.#guard.returned(value, handler);
    this.#keepState();
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

  /** Logs a warning, once per instance, if a state holds an object of a class. */
  #inspectState(state: unknown): void {
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

/** What Info tells of a UDF. Kapacitor only needs the argument types of options; the rest is checked at init. */
export function infoOf({ wants, provides, options }: UdfDefinition): Response {
  const types = Object.entries(options).map(
    ([name, { args }]) => [name, args.map(({ type }) => type)] as const,
  );
  return { kind: 'info', wants, provides, options: Object.fromEntries(types) };
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

/** Used as the group's index where there is no state. */
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
