import type { UseActivity } from './activity.js';
import { UdfError } from '../model/errors.js';
import type { Limits } from './limits.js';

export interface PendingWorkOptions {
  readonly activity: UseActivity;
  readonly limits: Limits;
  readonly output: { readonly blocked: boolean };
  /** The work has rejected, or has taken too long. */
  readonly fail: (reason: unknown) => void;
  /** The work is done: input that was queued meanwhile can be handled. */
  readonly settled: () => void;
}

/**
 * What a connection's next request waits for: an async handler, a snapshot, a restore or the saving of the state. One at a
 * time.
 */
export class PendingWork {
  readonly #options: PendingWorkOptions;
  #isAwaiting = false;
  #isFull = false;
  /** `#isAwaiting || #isFull`, as one field: it is read for each frame. */
  #isBusy = false;
  #frameBytes = 0;

  constructor(options: PendingWorkOptions) {
    this.#options = options;
  }

  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** While the calls that overlap or wait are at their limit, input waits for them too. */
  setFull(isFull: boolean): void {
    this.#isFull = isFull;
    this.#isBusy = this.#isAwaiting || isFull;
  }

  /** The input that is being handled; work that belongs to no frame counts as one without bytes. */
  get unfinished(): { readonly bytes: number; readonly frames: number } {
    return { bytes: this.#frameBytes, frames: Number(this.#isBusy) };
  }

  await(work: Promise<void>, frameBytes = 0): void {
    const { activity, fail, settled } = this.#options;
    this.#isAwaiting = this.#isBusy = true;
    this.#frameBytes = frameBytes;
    activity.pending();
    work.catch(fail).finally(() => {
      this.#isAwaiting = false;
      this.#isBusy = this.#isFull;
      this.#frameBytes = 0;
      activity.settled();
      settled();
    });
  }

  /**
   * Starts the time limit of a handler call, and starts it again if the handler waits for Kapacitor to read. Calls `fail`
   * unless cleared in time. `undefined` without a limit.
   */
  readonly startTimeLimit = (): NodeJS.Timeout | undefined => {
    const { limits, output, fail } = this.#options;
    const { handlerMs } = limits;
    if (handlerMs === 0) return undefined;
    const message = `a handler took longer than ${handlerMs} ms (handlerMs)`;
    const timer = setTimeout(() => {
      if (output.blocked) timer.refresh();
      else fail(new UdfError('handler_timeout', message));
    }, handlerMs);
    return timer;
  };
}
