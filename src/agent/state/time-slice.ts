import { setImmediate as yieldToEventLoop } from 'node:timers/promises';

/** Below what a keepalive may wait, by enough for a garbage collection, and for other processes on the processor. */
export const maxSliceMs = 5;

/** Bounds how long a loop keeps the event loop from sockets and timers. */
export class TimeSlice {
  #endAt = performance.now() + maxSliceMs;

  /** To be awaited after each step of the loop: lets the event loop run if the slice is over. */
  async pause(): Promise<void> {
    if (!this.isOver) return;
    await yieldToEventLoop();
    this.#endAt = performance.now() + maxSliceMs;
  }

  get isOver(): boolean {
    return performance.now() >= this.#endAt;
  }
}
