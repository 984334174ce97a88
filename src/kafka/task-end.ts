import type { InputBuffer } from './input-buffer.js';

/** How a partition's task is ended from outside. */
export class TaskEnd {
  readonly #input: Pick<InputBuffer, 'wake' | 'stop'>;
  #state: 'running' | 'closing' | 'cancelled' = 'running';

  constructor(input: Pick<InputBuffer, 'wake' | 'stop'>) {
    this.#input = input;
  }

  isRunning(): boolean {
    return this.#state === 'running';
  }

  isCancelled(): boolean {
    return this.#state === 'cancelled';
  }

  /** Ends the task after the transaction that is under way. */
  close(): void {
    if (this.#state === 'running') this.#state = 'closing';
    this.#input.wake();
  }

  /** Ends the task without a commit: the partition may belong to another worker. */
  cancel(): void {
    this.#state = 'cancelled';
    this.#input.stop();
  }
}
