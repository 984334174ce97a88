interface Waiter {
  readonly done: () => boolean;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout | undefined;
}

/** Promises that resolve when a condition holds, or reject at a timeout or all at once. */
export class WaitList {
  readonly #waiting = new Set<Waiter>();
  #ended: Error | undefined;

  /**
   * Resolves once `done` returns true; it is called now and at each `check`. Rejects with the result of `timedOut` after
   * `timeoutMs`, if given.
   */
  until(done: () => boolean, timeoutMs?: number, timedOut?: () => Error): Promise<void> {
    return new Promise((resolve, reject) => {
      if (done()) {
        resolve();
        return;
      }
      if (this.#ended) {
        reject(this.#ended);
        return;
      }
      const expire = (): void => {
        this.#waiting.delete(waiter);
        reject(timedOut?.() ?? new Error('timed out'));
      };
      const timer = timeoutMs === undefined ? undefined : setTimeout(expire, timeoutMs);
      const waiter: Waiter = { done, resolve, reject, timer };
      this.#waiting.add(waiter);
    });
  }

  /** To be called when a condition may have changed. */
  check(): void {
    for (const waiter of this.#waiting) {
      if (!waiter.done()) continue;
      this.#end(waiter);
      waiter.resolve();
    }
  }

  /** Rejects all promises that are pending, and those that follow. */
  fail(error: Error): void {
    this.#ended ??= error;
    for (const waiter of this.#waiting) {
      this.#end(waiter);
      waiter.reject(error);
    }
  }

  #end(waiter: Waiter): void {
    clearTimeout(waiter.timer);
    this.#waiting.delete(waiter);
  }
}
