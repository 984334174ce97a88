import { setTimeout as wait } from 'node:timers/promises';

/** The longest that is waited at once, and the shortest that is waited at all. */
const mostMs = 60_000;
const leastMs = 1;

/** Holds a replay to the times of its points: `speed` seconds of a recording take one. */
export class Pace {
  readonly #speed: number;
  #first: { readonly time: bigint; readonly at: number } | undefined;

  constructor(speed: number) {
    this.#speed = speed;
  }

  /** Waits until a point of this time is due; `undefined` if it is. */
  until(time: bigint): Promise<void> | undefined {
    if (this.#speed === Infinity) return undefined;
    this.#first ??= { time, at: performance.now() };
    const { time: first, at } = this.#first;
    const due = at + Number(time - first) / 1e6 / this.#speed;
    return due - performance.now() >= leastMs ? waitUntil(due) : undefined;
  }
}

async function waitUntil(due: number): Promise<void> {
  for (let left = due - performance.now(); left > 0; left = due - performance.now()) {
    await wait(Math.min(left, mostMs));
  }
}
