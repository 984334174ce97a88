interface Waiter {
  readonly done: () => boolean;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout | undefined;
}

/** Promises that resolve when a condition holds, and reject at a timeout or at `fail`. */
export class WaitList {
  readonly #waiting = new Set<Waiter>();
  #failure: Error | undefined;

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
      if (this.#failure) {
        reject(this.#failure);
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

  /** Call it when a condition may have changed. */
  check(): void {
    for (const waiter of this.#waiting) {
      if (!waiter.done()) continue;
      this.#remove(waiter);
      waiter.resolve();
    }
  }

  /** Rejects all promises that are pending, and those that follow. */
  fail(error: Error): void {
    this.#failure ??= error;
    for (const waiter of this.#waiting) {
      this.#remove(waiter);
      waiter.reject(error);
    }
  }

  #remove(waiter: Waiter): void {
    clearTimeout(waiter.timer);
    this.#waiting.delete(waiter);
  }
}
