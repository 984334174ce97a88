import { UdfError } from '../model/errors.js';
import type { BatchInfo } from '../model/batch.js';
import type { OptionCall } from '../model/option-call.js';
import type { Logger } from '../telemetry/logger.js';
import type { ConnectionSignal } from '../udf/context.js';
import type { UdfDefinition } from '../udf/definition.js';
import { stateObject } from '../udf/definition-problems.js';
import type { ErrorPolicy, RuntimeOptions } from '../udf/runtime-options.js';
import type { LazyBatch } from '../wire/lazy-batch.js';
import { LazyPoint } from '../wire/point/lazy-point.js';
import { nameBytes } from '../wire/text.js';
import { authorLog } from './author-log.js';
import type { InstanceDefaults } from './defaults.js';
import {
  type AnyContext,
  type BoundHandlers,
  checkedOptions,
  isAskedFor,
  pick,
  stageOptionsOf,
  stateOptionNames,
  withPlace,
} from './instance-options.js';
import type { MaybePromise } from './interface.js';
import type { OutputGuard } from './output-guard.js';
import { classInstanceIn } from './state/plain.js';
import type { SnapshotOwner } from './state/snapshot.js';
import { GroupTable } from './state/table.js';
import type { StageOptions } from './stages/stages.js';
import { TimerColumns } from './timers/timer-columns.js';
import type { GroupTimer } from './timers/timer-queue.js';
import { TimerScope } from './timers/timer-scope.js';
import { TimerTable } from './timers/timer-table.js';
import type { WallClock } from './timers/wall-clock.js';

/** What a session gives its instance. */
export interface InstanceSetup extends Pick<AnyContext, 'count' | 'signal' | 'task' | 'node'> {
  readonly logger: Logger;
  readonly calls: readonly OptionCall[];
  readonly defaults: InstanceDefaults;
  readonly guard: OutputGuard;
  readonly clock: WallClock;
}

interface LaneSetup {
  readonly main: Instance;
  readonly signal: () => ConnectionSignal;
}

/** A UDF used in a task: resolved options, the state of each group, and the calls of the handlers. */
export class Instance {
  readonly onError: ErrorPolicy;
  readonly groups: GroupTable;
  /** `undefined` if the definition has no `timer`, or `onlyWith` excludes it for these options. */
  readonly timers: TimerTable | undefined;
  /** Whether `stop` is to be called at the end. */
  readonly hasStop: boolean;
  readonly snapshotOwner: SnapshotOwner;
  /** What is done with points before `point`. */
  readonly stageOptions: Pick<StageOptions, 'reorder' | 'distinct'>;
  readonly #definition: UdfDefinition;
  readonly #setup: InstanceSetup;
  readonly #handlers: BoundHandlers;
  readonly #guard: OutputGuard;
  readonly #udf: string;
  readonly #stateful: boolean;
  /** Whether groups are looked up: they have a state, or timers. */
  readonly #isKeyed: boolean;
  readonly #scope: TimerScope;
  /** The index of the current group, and its state when the handler was called. */
  #group = 0;
  #state: unknown;
  #hasWarned = false;
  readonly #context: { -readonly [Key in keyof AnyContext]: AnyContext[Key] };

  /** Throws `invalid_options` with every problem in one message, in TICKscript terms, or what `prepare` throws. */
  constructor(definition: UdfDefinition, setup: InstanceSetup, lane?: LaneSetup) {
    const { calls, defaults, guard, logger, clock, ...given } = setup;
    const groupName = (): string => this.groupName(this.#group);
    const { handlers } = definition;
    this.#definition = definition;
    this.#setup = setup;
    this.#udf = definition.name;
    this.#handlers = handlers as unknown as BoundHandlers; // see there
    this.#guard = guard;
    if (lane) {
      const { main, signal } = lane;
      this.onError = main.onError;
      this.groups = main.groups;
      this.timers = main.timers;
      this.hasStop = main.hasStop;
      this.snapshotOwner = main.snapshotOwner;
      this.#stateful = main.#stateful;
      this.#isKeyed = main.#isKeyed;
      this.stageOptions = main.stageOptions;
      this.#scope = new TimerScope(main.timers, definition.handlers.timer && definition.onlyWith.timer);
      this.#context = {
        ...main.#context,
        get group() {
          return groupName();
        },
        get signal() {
          return signal();
        },
        timers: this.#scope,
        newPoint: this.#scope.newPoint,
        newBatch: this.#scope.newBatch,
        emit: guard.emit,
        drained: guard.drained,
      };
      return;
    }
    const options = checkedOptions(definition, calls);
    const prepared = withPlace('prepare', () =>
      handlers.prepare(options, { task: given.task, node: given.node }),
    );
    // The runtime's options are among every definition's, so they have been resolved with the rest.
    const { onError, groupTtl, maxGroups } = options as Readonly<Record<string, unknown>> & RuntimeOptions;
    this.onError = onError ?? defaults.onError ?? definition.onError;
    if (this.onError === 'pass' && definition.wants !== definition.provides) {
      throw new UdfError(
        'invalid_options',
        `${definition.name}: .onError('pass') needs a UDF that provides what it wants`,
      );
    }
    this.stageOptions = stageOptionsOf(definition, options as RuntimeOptions);
    const create = handlers.state;
    this.#stateful = create !== undefined;
    const { onlyWith } = definition;
    this.timers = handlers.timer && isAskedFor(onlyWith.timer, calls) ? new TimerTable(clock) : undefined;
    this.hasStop = handlers.stop !== undefined && isAskedFor(onlyWith.stop, calls);
    this.#scope = new TimerScope(this.timers, handlers.timer && onlyWith.timer);
    this.#isKeyed = this.#stateful || this.timers !== undefined;
    const expiry = { ttl: groupTtl ?? defaults.groupTtl, max: maxGroups ?? defaults.maxGroups };
    const createState = (): unknown => {
      const state = create && withPlace('state', () => create(options, prepared));
      if (this.groups.size === 0) this.#inspectState(state);
      return state;
    };
    this.groups = new GroupTable(createState, this.#isKeyed ? expiry : {});
    if (this.timers) this.groups.extras = new TimerColumns(this.timers);
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
    this.#context = {
      ...given,
      get group() {
        return groupName();
      },
      timers: this.#scope,
      newPoint: this.#scope.newPoint,
      newBatch: this.#scope.newBatch,
      now: clock.now,
      log: authorLog(logger, given.signal),
      emit: guard.emit,
      drained: guard.drained,
      options,
      prepared,
      state: undefined,
    };
  }

  /**
   * Another caller of the same handlers, for calls that overlap: with the same options and groups, but a context of its own,
   * whose `signal` is asked for each time that a handler reads it.
   */
  lane(guard: OutputGuard, signal: () => ConnectionSignal): Instance {
    return new Instance(this.#definition, { ...this.#setup, guard }, { main: this, signal });
  }

  /** Calls `point` for a point of a stream. */
  point(point: LazyPoint): MaybePromise {
    this.enterPoint(point);
    return this.#finish(this.#handlers.point(point, this.#context), 'point');
  }

  /** Makes a point's group the current one, and returns its index, if groups are looked up. */
  enterPoint(point: LazyPoint): number {
    if (!this.#isKeyed) return noGroup;
    const { buf, groupStart, groupLength } = LazyPoint.groupBytesOf(point);
    this.#enter(buf, groupStart, groupLength);
    if (this.groups.expires) this.#used(point.time);
    if (this.timers !== undefined) this.#scope.enter(this.#group, point, point);
    return this.#group;
  }

  /** Makes a batch's group the current one, and returns its index. */
  enterBatch(batch: LazyBatch): number {
    this.#enterGroup(batch.group);
    if (this.groups.expires) this.#used(batch.time);
    if (this.timers !== undefined) this.#scope.enter(this.#group, batch, batch);
    return this.#group;
  }

  /** Calls `batch` for a whole batch. */
  batch(batch: LazyBatch): MaybePromise {
    this.enterBatch(batch);
    return this.#finish(this.#handlers.batch(batch, this.#context), 'batch');
  }

  /** Calls `beginBatch`; the points and the end that follow are of the same group. */
  beginBatch(batch: BatchInfo): MaybePromise {
    this.#enterGroup(batch.group);
    this.#scope.enter(this.#group, batch, undefined);
    return this.#finish(this.#handlers.beginBatch?.(batch, this.#context), 'beginBatch');
  }

  /** Calls `point` for a point of the batch that was begun. */
  batchPoint(point: LazyPoint): MaybePromise {
    this.#scope.enterPart(point);
    this.#context.state = this.#state; // an earlier call may have assigned context.state and then thrown
    return this.#finish(this.#handlers.point(point, this.#context), 'point');
  }

  /** Calls `endBatch` for the batch that was begun. */
  endBatch(batch: BatchInfo & { readonly time: bigint }): MaybePromise {
    if (this.groups.expires) this.groups.touch(this.#group, batch.time);
    this.#scope.enterPart(batch);
    this.#context.state = this.#state;
    return this.#finish(this.#handlers.endBatch?.(batch, this.#context), 'endBatch');
  }

  /** The index of the group of the batch that has ended last. */
  get currentGroup(): number {
    return this.#group;
  }

  /** Calls `timer` for a timer that fires. */
  timer(timer: GroupTimer): MaybePromise {
    const { name, time } = timer;
    const clock = timer.clock === 'idle' ? 'wall' : timer.clock;
    this.#enterIndex(timer.group);
    this.#scope.enterTimer(timer);
    this.#guard.beginTimer();
    const end = (): void => {
      this.#scope.leaveTimer();
      this.#guard.endTimer();
    };
    try {
      const called = this.#finish(this.#handlers.timer?.({ name, time, clock }, this.#context), 'timer');
      if (called) return called.finally(end);
    } catch (reason) {
      end();
      throw reason;
    }
    end();
    return undefined;
  }

  /** Indexes of the groups to call `stop` for; a UDF without state gets one call. */
  groupsToStop(): Iterable<number> {
    return this.#stateful ? this.groups.indexes() : [noGroup];
  }

  /** Calls `stop` for a group. */
  stop(group: number): MaybePromise {
    this.#enterIndex(group);
    this.#scope.enter(group, undefined, undefined);
    return this.#finish(this.#handlers.stop?.(this.#context), 'stop');
  }

  /** The name of a group as Kapacitor writes it. */
  groupName(group: number): string {
    return Buffer.from(this.groups.name(group) ?? '', 'latin1').toString();
  }

  #enterIndex(group: number): void {
    this.#group = group;
    this.#context.state = this.#state = this.#stateful ? this.groups.state(group) : undefined;
  }

  #enterGroup(group: string): void {
    if (!this.#isKeyed) return;
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
      throw new UdfError(
        'handler',
        'context.state was assigned, but the definition has no "state": add state: () => ({ … })',
      );
    }
    stateObject(this.#udf, 'context.state', state);
    // While its handler was pending, the call has taken too long, or its group has expired.
    if (this.#guard.isCutOff || this.groups.state(this.#group) !== this.#state) return;
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

/** Used as the group's index where there is no state. */
const noGroup = -1;

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value;
}
