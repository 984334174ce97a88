import type { LazyPoint } from '../wire/point/lazy-point.js';
import type { FailurePolicy } from './failure-policy.js';
import type { HandlerRuns } from './handler-runs.js';
import type { Instance } from './instance.js';
import type { MaybePromise } from './interface.js';
import type { ConcurrentCalls } from './calls/concurrent-calls.js';
import type { Output } from './output.js';
import { runInSlices } from './run-in-slices.js';
import type { ReorderBuffer } from './stages/reorder-buffer.js';
import type { Stages } from './stages/stages.js';
import type { BeforeInput } from './timers/timer-runner.js';

export interface InputPointsOptions {
  readonly instance: Instance;
  readonly failures: FailurePolicy;
  readonly runs?: HandlerRuns | undefined;
  readonly timers: BeforeInput | undefined;
  /** Calls `point`, if calls may overlap. */
  readonly calls: ConcurrentCalls | undefined;
  readonly stages: Stages;
  readonly output: Output;
  /** Ends a run of points early when the connection closes. */
  readonly signal: AbortSignal;
  readonly count: (counter: string) => void;
}

/**
 * Passes the points of a stream to the UDF where there is more to do than to call its handler. Throws, or rejects with,
 * errors that end the connection.
 */
export class InputPoints {
  readonly #options: InputPointsOptions;

  constructor(options: InputPointsOptions) {
    this.#options = options;
  }

  /** Whether `point` may have more to do than call the handler. */
  get isActive(): boolean {
    const { timers, stages } = this.#options;
    return timers?.isActive === true || stages.isActive;
  }

  point(point: LazyPoint): MaybePromise {
    const moved = this.#options.timers?.arrive(point.time);
    return moved ? moved.then(() => this.#arrived(point)) : this.#arrived(point);
  }

  /** Handles the points that still wait, in order of time: the input has ended. `undefined` once there are none. */
  flush(): MaybePromise {
    const { reorder } = this.#options.stages;
    return reorder && this.#handleAll(reorder, () => reorder.takeFirst());
  }

  #arrived(point: LazyPoint): MaybePromise {
    const { stages, count } = this.#options;
    const { repeats, reorder } = stages;
    if (repeats?.isRepeat(point)) {
      count('repeated');
      return undefined;
    }
    const run = this.#options.runs?.frameNumber ?? 0;
    if (!reorder) return this.#handle(point, run);
    let late = reorder.add(point, run) ? undefined : point;
    return this.#handleAll(reorder, () => {
      if (!late) return reorder.next();
      const first = late;
      late = undefined;
      return first;
    });
  }

  /** Handles points that one frame, or the end of the input, has released: they wait for calls as frames would. */
  #handleAll(reorder: ReorderBuffer, next: () => LazyPoint | undefined): MaybePromise {
    const { calls, signal } = this.#options;
    const handle = (point: LazyPoint): MaybePromise => {
      const { takenRun } = reorder;
      const room = calls?.room();
      if (!room) return this.#handle(point, takenRun);
      return room.then(() => (signal.aborted ? undefined : this.#handle(point, takenRun)));
    };
    return runInSlices(next, handle, this.#options);
  }

  /** `run` identifies the point for `HandlerRuns.beginPoint`. */
  #handle(point: LazyPoint, run: number): MaybePromise {
    const { instance, timers, calls, signal } = this.#options;
    // A timer comes after all points before it.
    const idle = instance.timers && timers?.isActive ? calls?.idle() : undefined;
    if (idle) return idle.then(() => (signal.aborted ? undefined : this.#handle(point, run)));
    const fired = timers?.isActive
      ? timers.before(instance.timers ? instance.enterPoint(point) : noGroup, point.time)
      : undefined;
    return fired ? fired.then(() => this.#call(point, run)) : this.#call(point, run);
  }

  #call(point: LazyPoint, run: number): MaybePromise {
    const { instance, failures, calls, runs } = this.#options;
    if (calls) {
      calls.point(point, run);
      return undefined;
    }
    return failures.guarded(() => {
      runs?.beginPoint(run);
      return instance.point(point);
    }, point);
  }
}

/** The group's index for what does not depend on it. */
const noGroup = -1;
