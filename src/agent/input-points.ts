import type { LazyPoint } from '../wire/point/lazy-point.js';
import type { FailurePolicy } from './failure-policy.js';
import type { Instance } from './instance.js';
import type { MaybePromise } from './interface.js';
import type { ConcurrentCalls } from './calls/concurrent-calls.js';
import type { BeforeInput } from './timers/timer-runner.js';

export interface InputPointsOptions {
  readonly instance: Instance;
  readonly failures: FailurePolicy;
  readonly timers: BeforeInput | undefined;
  /** Calls `point`, if calls may overlap. */
  readonly calls: ConcurrentCalls | undefined;
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
    const { timers } = this.#options;
    return timers?.isActive === true;
  }

  point(point: LazyPoint): MaybePromise {
    const { instance, timers } = this.#options;
    const fired = timers?.before(instance.timers ? instance.enterPoint(point) : noGroup, point.time);
    return fired ? fired.then(() => this.#handle(point)) : this.#handle(point);
  }

  #handle(point: LazyPoint): MaybePromise {
    const { instance, failures, calls } = this.#options;
    if (calls) {
      calls.point(point);
      return undefined;
    }
    return failures.guarded(() => instance.point(point), point);
  }
}

/** The group's index for what does not depend on it. */
const noGroup = -1;
