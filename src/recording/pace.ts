import { setTimeout as wait } from 'node:timers/promises';

/** Bounds of one timer: a shorter wait is skipped, a longer one is split. */
const maxTimerMs = 60_000;
const minTimerMs = 1;

/** Paces a stream by the times of its points: `speed` seconds of a recording take one second. */
export class Pace {
  readonly #speed: number;
  #first: { readonly time: bigint; readonly at: number } | undefined;

  constructor(speed: number) {
    this.#speed = speed;
  }

  /** Waits until a point of this time is due, or the signal aborts; `undefined` if it is due already. */
  until(time: bigint, signal?: AbortSignal): Promise<void> | undefined {
    if (this.#speed === Infinity) return undefined;
    this.#first ??= { time, at: performance.now() };
    const { time: first, at } = this.#first;
    const due = at + Number(time - first) / 1e6 / this.#speed;
    return due - performance.now() >= minTimerMs ? waitUntil(due, signal) : undefined;
  }
}

async function waitUntil(due: number, signal: AbortSignal | undefined): Promise<void> {
  for (let left = due - performance.now(); left > 0 && !signal?.aborted; left = due - performance.now()) {
    await wait(Math.min(left, maxTimerMs), undefined, signal && { signal }).catch(() => undefined);
  }
}
