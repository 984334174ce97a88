/** Lets callers wait until it is opened; can be used again. */
export class Gate {
  #promise: Promise<void> | undefined;
  #resolve: (() => void) | undefined;

  /** Resolves at the next `open`. */
  wait(): Promise<void> {
    this.#promise ??= new Promise<void>((resolve) => {
      this.#resolve = resolve;
    });
    return this.#promise;
  }

  /** Resolves the promises that `wait` has returned so far. */
  open(): void {
    this.#resolve?.();
    this.#promise = this.#resolve = undefined;
  }
}
