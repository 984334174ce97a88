import { availableParallelism } from 'node:os';

/**
 * Lets only as many workers load their modules at a time as there are processors. All at once, hundreds of tasks that are
 * enabled together would each wait until the last worker is ready.
 */
export class StartQueue {
  readonly #max: number;
  readonly #waiting: (() => Promise<unknown>)[] = [];
  #starting = 0;

  constructor(max: number = Math.max(2, availableParallelism())) {
    this.#max = max;
  }

  /** Calls `start` when it is its turn, at once if possible. Its promise ends the turn; it must not reject. */
  add(start: () => Promise<unknown>): void {
    this.#waiting.push(start);
    this.#next();
  }

  #next(): void {
    if (this.#starting >= this.#max) return;
    const start = this.#waiting.shift();
    if (!start) return;
    this.#starting++;
    void start().then(() => {
      this.#starting--;
      this.#next();
    });
  }
}
