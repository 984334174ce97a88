import type { FailurePolicy } from '../failure-policy.js';
import { type HandlerRuns, RunKind } from '../handler-runs.js';
import type { MaybePromise } from '../interface.js';
import type { Output } from '../output.js';
import { runInSlices } from '../run-in-slices.js';
import type { GroupTimer } from './timer-queue.js';
import type { TimerTable } from './timer-table.js';
import { DrivenClock } from './wall-clock.js';

/** A timer that is to fire; `more` if the search must continue. */
type Due = GroupTimer | 'more' | undefined;

export interface TimerRunnerOptions {
  readonly table: TimerTable;
  /** Calls the definition's `timer`. */
  readonly call: (timer: GroupTimer) => MaybePromise;
  /** A group's name, for messages. */
  readonly groupName: (group: number) => string;
  readonly failures: FailurePolicy;
  readonly runs?: HandlerRuns | undefined;
  readonly output: Output;
  /** Ends the run early when the connection closes. */
  readonly signal: AbortSignal;
}

/** What is done before a point or a batch is handled. */
export interface BeforeInput {
  /** Whether there may be something to do. */
  readonly isActive: boolean;
  /** To be called when input with this time has come. */
  arrive(time: bigint): MaybePromise;
  /** To be called before input of a group at `time` is handled; `group` is its index, if groups have any. */
  before(group: number, time: bigint): MaybePromise;
}

/** Moves a clock that follows the input of a UDF without timers. */
export class ClockFollower implements BeforeInput {
  readonly isActive = true;
  readonly #clock: DrivenClock;

  constructor(clock: DrivenClock) {
    this.#clock = clock;
  }

  arrive(time: bigint): void {
    this.#clock.moveTo(time);
  }

  before(): void {
    // There are no timers.
  }
}

/** Fires timers that are due, one after another. Each method throws, or rejects with, errors that end the connection. */
export class TimerRunner implements BeforeInput {
  readonly #options: TimerRunnerOptions;
  readonly #table: TimerTable;

  constructor(options: TimerRunnerOptions) {
    this.#options = options;
    this.#table = options.table;
  }

  /** Whether `before` may have something to do: false for the many UDFs that have set no timer. */
  get isActive(): boolean {
    const { size, clock } = this.#table;
    return size > 0 || (clock instanceof DrivenClock && clock.followsInput);
  }

  /** Moves a clock that follows the input. */
  arrive(time: bigint): MaybePromise {
    const { clock } = this.#table;
    return clock instanceof DrivenClock && clock.followsInput ? this.moveClock(clock, time) : undefined;
  }

  /** Fires the timers that input of a group at `time` reaches. */
  before(group: number, time: bigint): MaybePromise {
    return this.#fire(() => this.#table.takeDue(group, time));
  }

  /** Fires the timers that are due by the wall clock. */
  dueByWall(): MaybePromise {
    const now = this.#table.clock.now();
    const fired = this.#fire(() => this.#table.takeDueByWall(now));
    if (fired) {
      return fired.then(() => {
        this.#table.wakeForNext();
      });
    }
    this.#table.wakeForNext();
    return undefined;
  }

  /** Moves a driven clock, and fires the timers that are due meanwhile, each at its own time. */
  moveClock(clock: DrivenClock, time: bigint): MaybePromise {
    const next = (): Due => {
      const due = this.#table.takeDueByWall(time);
      if (due && due !== 'more') clock.moveTo(due.time);
      return due;
    };
    const moved = (): void => {
      clock.moveTo(time);
      this.#table.wakeForNext();
    };
    const fired = this.#fire(next);
    if (fired) return fired.then(moved);
    moved();
    return undefined;
  }

  /** Fires the next timer of the idle clock. */
  nextIdle(): MaybePromise {
    const timer = this.#table.takeIdle();
    return timer && this.#call(timer);
  }

  /** Fires timers of the idle clock until none is set. */
  allIdle(): MaybePromise {
    return runInSlices(
      () => this.#table.takeIdle(),
      (timer) => this.#call(timer),
      this.#options,
    );
  }

  /** Fires timers until none is due. Each run ends: a timer that sets itself for no later time waits for the next one. */
  #fire(next: () => Due): MaybePromise {
    const fired = runInSlices(
      next,
      (timer) => (timer === 'more' ? undefined : this.#call(timer)),
      this.#options,
    );
    if (fired) {
      return fired.then(() => {
        this.#table.endRun();
      });
    }
    this.#table.endRun();
    return undefined;
  }

  #call(timer: GroupTimer): MaybePromise {
    const { failures, runs, call, groupName } = this.#options;
    return failures.guarded(
      () => {
        runs?.begin(RunKind.timer, timer.order);
        return call(timer);
      },
      undefined,
      () => `in timer "${timer.name}" of group "${groupName(timer.group)}" at ${timer.time}`,
    );
  }
}
