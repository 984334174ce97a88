interface Waiter {
  readonly done: () => boolean;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout | undefined;
}

/** Waits that end when a condition holds, when time is up, or all at once with an error. */
export class WaitList {
  readonly #waiting = new Set<Waiter>();
  #ended: Error | undefined;

  /**
   * Resolves once `done` holds; it is asked now and at each `check`. If `ms` is given and has passed, rejects with what
   * `late` makes.
   */
  until(done: () => boolean, ms?: number, late?: () => Error): Promise<void> {
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
        reject(late?.() ?? new Error('time is up'));
      };
      const timer = ms === undefined ? undefined : setTimeout(expire, ms);
      const waiter: Waiter = { done, resolve, reject, timer };
      this.#waiting.add(waiter);
    });
  }

  /** Something happened. */
  check(): void {
    for (const waiter of this.#waiting) {
      if (!waiter.done()) continue;
      this.#end(waiter);
      waiter.resolve();
    }
  }

  /** Nothing more will happen: whoever waits, now or later, is told so. */
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
