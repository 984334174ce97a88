import { capText } from '../model/text.js';
import { UdfError } from '../model/errors.js';
import type { OptionCall } from '../model/option-call.js';
import type { TaskUse } from '../model/statistics.js';
import type { Logger } from '../telemetry/logger.js';
import type { UdfDefinition } from '../udf/definition.js';
import type { FrameSlice } from '../wire/lazy-batch.js';
import { LazyPoint } from '../wire/point/lazy-point.js';
import {
  type BeginMessage,
  decodeRequest,
  encodeResponse,
  type EndMessage,
  type Response,
} from '../wire/messages.js';
import { snapshotFrameStart } from '../wire/framing.js';
import { keepaliveTag } from '../wire/tags.js';
import type { UseActivity } from './activity.js';
import { errorText } from './connection-failure.js';
import type { Counters } from './counters.js';
import type { DeadLetters } from '../model/dead-letters.js';
import type { InstanceDefaults } from './defaults.js';
import { ConcurrentCalls } from './calls/concurrent-calls.js';
import type { CallHooks, CallProgress } from './calls/concurrent-calls.js';
import { FailurePolicy } from './failure-policy.js';
import type { HandlerRuns } from './handler-runs.js';
import { InputBatches } from './input-batches.js';
import { InputPoints } from './input-points.js';
import { Instance } from './instance.js';
import { infoOf, refusedInit } from './instance-options.js';
import type { MaybePromise } from './interface.js';
import type { Limits } from './limits.js';
import type { Output } from './output.js';
import type { OutputAhead } from './output-ahead.js';
import type { OutputGuard } from './output-guard.js';
import { InstanceState } from './instance-state.js';
import { refusedRestore, type StateKeeper } from './state-keeper.js';
import type { Revision } from './state/header.js';
import { stopGroups } from './stop-groups.js';
import { Stages } from './stages/stages.js';
import { readTick, type Tick } from './timers/tick.js';
import { type BeforeInput, ClockFollower, TimerRunner } from './timers/timer-runner.js';
import { DrivenClock, type WallClock } from './timers/wall-clock.js';

/** The connection, as its session uses it. */
export interface SessionOptions extends InstanceDefaults {
  readonly definition: UdfDefinition;
  readonly limits: Limits;
  readonly logger: Logger;
  readonly state: StateKeeper;
  /** Snapshots are newer than this one. */
  readonly newerThan: Revision | undefined;
  readonly deadLetters?: DeadLetters | undefined;
  readonly reportsRefusal?: boolean | undefined;
  readonly output: Output;
  readonly guard: OutputGuard;
  readonly counters: Counters;
  readonly signal: AbortSignal;
  readonly activity?: UseActivity | undefined;
  /** Whether the task's start is logged here. */
  readonly isLogged: boolean;
  /** Set where input can be repeated to another agent. */
  readonly progress?: CallProgress | undefined;
  /** Set with `progress`. */
  readonly runs?: HandlerRuns | undefined;
  /** Set with `progress`. */
  readonly ahead?: OutputAhead | undefined;
  /** For calls that overlap. */
  readonly callHooks: CallHooks;
  /** Flushes and closes the connection: Kapacitor never closes it after a refused init or restore. */
  readonly close: (reason: UdfError) => void;
  /** Called when a batch whose points are handled one by one has ended. */
  readonly batchEnded: () => void;
  /** Starts the time limit of one call of a handler. */
  readonly startTimeLimit: () => NodeJS.Timeout | undefined;
  /** The same for a call that may overlap others. */
  readonly startCallTimeLimit: () => NodeJS.Timeout | undefined;
  readonly clock: WallClock;
}

/**
 * Dispatches requests: management requests are answered here, points and batches go to the UDF's handlers. Requests are
 * sequential: the caller awaits a returned promise before it passes the next request.
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #definition: UdfDefinition;
  readonly #output: Output;
  readonly #guard: OutputGuard;
  readonly #counters: Counters;
  #logger: Logger;
  #instance: Instance | undefined;
  /** Set together with `#instance`. */
  #failures!: FailurePolicy;
  #batches: InputBatches | undefined;
  /** Set together with `#instance`. */
  #points!: InputPoints;
  /** Whether a point needs nothing but a call of its handler; one field, as it is read for each point. */
  #isDirect = false;
  /** Only if the use has timers. */
  #timers: TimerRunner | undefined;
  /** The calls of the UDF's handlers, if they may overlap or have a time limit of their own. */
  #calls: ConcurrentCalls | undefined;
  /** The task and node; `undefined` before init. */
  use: TaskUse | undefined;
  /** Whether the `stop` handlers have been started. */
  #stopped = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#definition = options.definition;
    this.#output = options.output;
    this.#guard = options.guard;
    this.#counters = options.counters;
    this.#logger = options.logger;
  }

  /** Adds the UDF, and after init the task and node, to each line. */
  get logger(): Logger {
    return this.#logger;
  }

  get started(): boolean {
    return this.#instance !== undefined;
  }

  get groupCounts(): { readonly groups: number; readonly groupsExpired: number } {
    const { size: groups = 0, expired: groupsExpired = 0 } = this.#instance?.groups ?? {};
    return { groups, groupsExpired };
  }

  /** Whether a batch has begun whose points change the state one by one. */
  get inStreamedBatch(): boolean {
    return this.#batches?.isStreaming === true;
  }

  /** Whether a batch has begun and not ended. */
  get inBatch(): boolean {
    return this.#batches?.isOpen === true;
  }

  /** The calls of the UDF's handlers, if they may overlap or have a time limit of their own. */
  get calls(): ConcurrentCalls | undefined {
    return this.#calls;
  }

  /**
   * Handles the request in `buf[payload..end)`, whose frame starts at `frame`. Throws, or rejects with, errors that end
   * the connection.
   */
  handle(buf: Buffer, frame: number, payload: number, end: number): MaybePromise {
    this.#calls?.take(end - frame);
    const point = LazyPoint.fromFrame(buf, frame, payload, end);
    if (point) return this.#point(point);
    const tick = readTick(buf, payload, end);
    if (tick && this.#options.clock instanceof DrivenClock) return this.#tick(tick, this.#options.clock);
    const request = decodeRequest(buf.subarray(payload, end));
    switch (request.kind) {
      case 'point':
        return this.#point(LazyPoint.fromMessage(request));
      case 'begin':
        return this.#begin(request, { buf, start: frame, end });
      case 'end':
        return this.#end(request, { buf, start: frame, end });
      case 'keepalive':
        this.#reply({ kind: 'keepalive', time: request.time });
        return undefined;
      case 'info':
        return this.#info();
      case 'init':
        return this.#init(request);
      case 'snapshot':
        return this.#snapshot();
      case 'restore':
        return this.#restore(request.snapshot);
    }
  }

  /** Answers a keepalive, also while a handler is busy. Returns false for any other request. */
  answerKeepalive(buf: Buffer, payload: number, end: number): boolean {
    if (buf[payload] !== keepaliveTag) return false;
    const request = decodeRequest(buf.subarray(payload, end));
    if (request.kind !== 'keepalive') return false; // a oneof given several times: the last one counts
    this.#reply(request);
    return true;
  }

  #reply(response: Response): void {
    this.#output.send(encodeResponse(response));
  }

  /** Answers after all input before: the test kit relies on it. */
  #info(): MaybePromise {
    const idle = this.#calls?.idle();
    if (idle) return idle.then(() => this.#info());
    this.#reply(infoOf(this.#definition));
    return undefined;
  }

  #init(request: { taskID: string; nodeID: string; options: readonly OptionCall[] }): MaybePromise {
    if (this.#instance) throw new UdfError('protocol', 'init came twice');
    const { definition, guard, counters, signal, clock } = this.#options;
    const { taskID: task, nodeID: node } = request;
    this.use = { task, node };
    this.#options.activity?.started(this.use);
    this.#logger = this.#options.logger.child({ task, node });
    const count = (counter: string, by = 1): void => {
      counters.count(counter, by);
    };
    try {
      this.#instance = new Instance(definition, {
        calls: request.options,
        defaults: this.#options,
        task,
        node,
        signal,
        guard,
        clock,
        count,
        logger: this.#logger,
      });
    } catch (reason) {
      const error = refusedInit(reason, definition);
      const level = this.#options.reportsRefusal === true ? 'debug' : 'warn';
      this.#logger[level]({ code: error.code, err: error }, capText(`init refused: ${error.message}`));
      this.#reply({ kind: 'init', success: false, error: errorText(error, definition.name, this.use) });
      this.#options.close(error);
      return undefined;
    }
    const use = { ...this.use, udf: definition.name };
    const { onError } = this.#instance;
    const { limits } = this.#options;
    this.#failures = new FailurePolicy(use, { ...this.#options, onError }, guard, counters, this.#logger);
    if (definition.concurrency > 1 || definition.callTimeoutMs !== undefined) {
      this.#calls = new ConcurrentCalls({
        ...this.#options,
        ...this.#options.callHooks,
        startTimeLimit: this.#options.startCallTimeLimit,
        instance: this.#instance,
        failures: this.#failures,
      });
    }
    const given = {
      ...this.#options,
      instance: this.#instance,
      failures: this.#failures,
      timers: this.#createTimers(this.#instance),
      calls: this.#calls,
      stages: new Stages({
        ...this.#instance.stageOptions,
        maxReorderBytes: limits.reorderBytes,
        count,
        activated: () => {
          this.#isDirect = false;
        },
      }),
      count,
    };
    this.#points = new InputPoints(given);
    this.#isDirect = definition.wants === 'stream' && !given.timers && !given.calls && !given.stages.isActive;
    this.#batches = new InputBatches({
      ...given,
      maxBytes: limits.batchBytes,
    });
    if (this.#options.isLogged) this.#logger.info({}, 'task started');
    this.#reply({ kind: 'init', success: true, error: '' });
    const state = new InstanceState({ ...given, logger: this.#logger });
    return this.#options.state.start(use, state, this.#logger);
  }

  #createTimers(instance: Instance): BeforeInput | undefined {
    const { timers: table } = instance;
    const { clock } = this.#options;
    if (!table)
      return clock instanceof DrivenClock && clock.followsInput ? new ClockFollower(clock) : undefined;
    this.#timers = new TimerRunner({
      ...this.#options,
      table,
      call: (timer) => instance.timer(timer),
      groupName: (group) => instance.groupName(group),
      failures: this.#failures,
    });
    return this.#timers;
  }

  /** Fires the timers that are due by the wall clock. */
  fireTimers(): MaybePromise {
    return this.#timers?.dueByWall();
  }

  /** No timer fires from now on. */
  endTimers(): void {
    this.#instance?.timers?.end();
  }

  #tick({ time, isIdle }: Tick, clock: DrivenClock): MaybePromise {
    if (!this.#timers) {
      clock.moveTo(time);
      return undefined;
    }
    const moved = this.#timers.moveClock(clock, time);
    if (isIdle !== true) return moved;
    return moved ? moved.then(() => this.nextIdleTimer()) : this.nextIdleTimer();
  }

  /** Fires the next timer of the idle clock, after all calls that are under way. */
  nextIdleTimer(): MaybePromise {
    const idle = this.#calls?.idle();
    return idle ? idle.then(() => this.#timers?.nextIdle()) : this.#timers?.nextIdle();
  }

  /** Fires timers of the idle clock until none is set, after all calls that are under way. */
  allIdleTimers(): MaybePromise {
    if (!this.#options.clock.wantsIdle) return undefined;
    const idle = this.#calls?.idle();
    return idle ? idle.then(() => this.#timers?.allIdle()) : this.#timers?.allIdle();
  }

  async #snapshot(): Promise<void> {
    this.#ready('a snapshot request');
    await this.#calls?.idle();
    const start = performance.now();
    const { pieces, size } = await this.#options.state.snapshot();
    this.#counters.snapshotSince(start, this.#output.sendExempt([snapshotFrameStart(size), ...pieces]));
  }

  async #restore(snapshot: Uint8Array): Promise<void> {
    this.#ready('a restore request');
    const { state, close } = this.#options;
    await this.#calls?.idle();
    const refusal = await state.restore(snapshot);
    if (refusal) {
      this.#reply(refusedRestore(this.#definition.name, refusal));
      close(refusal);
    } else {
      this.#reply({ kind: 'restore', success: true, error: '' });
    }
  }

  #point(point: LazyPoint): MaybePromise {
    const instance = this.#ready('a point');
    this.#counters.pointsIn++;
    if (!this.#isDirect) {
      if (this.#definition.wants === 'batch') return this.#batches!.point(point); // set together with `#instance`
      if (this.#calls !== undefined || this.#points.isActive) return this.#points.point(point);
    }
    // Inlines `guarded`, to save a closure per point.
    try {
      this.#options.runs?.requireFrame();
      const called = instance.point(point);
      return called === undefined ? undefined : this.#failures.guarded(() => called, point);
    } catch (reason) {
      this.#failures.failed(reason, point);
      return undefined;
    }
  }

  #begin(begin: BeginMessage, frame: FrameSlice): MaybePromise {
    this.#ready('a batch');
    if (this.#definition.wants === 'stream') {
      throw new UdfError('protocol', `a batch came, but ${this.#definition.name} wants a stream`);
    }
    return this.#batches!.begin(begin, frame); // set together with `#instance`
  }

  #end(end: EndMessage, frame: FrameSlice): MaybePromise {
    this.#ready('the end of a batch');
    return this.#batches!.end(end, frame); // set together with `#instance`
  }

  #ready(what: string): Instance {
    if (!this.#instance) throw new UdfError('protocol', `${what} came before init`);
    return this.#instance;
  }

  /** Handles the points that still wait to be put in order; `undefined` once there are none. */
  flush(): MaybePromise {
    this.#calls?.take(0); // their calls belong to no frame of the input
    return this.#instance && this.#points.flush();
  }

  /**
   * Calls the UDF's `stop` handler for each group; `undefined` if it has none or was stopped before. Rejects with errors that
   * end the connection.
   */
  stop(): MaybePromise {
    if (this.#stopped || this.#instance?.hasStop !== true) return undefined;
    this.#stopped = true;
    this.#batches?.discard();
    this.#guard.endInput();
    return stopGroups(this.#instance, {
      failures: this.#failures,
      output: this.#output,
      signal: this.#options.signal,
      runs: this.#options.runs,
    });
  }
}
