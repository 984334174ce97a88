import { addToSum, createSum, type ExactSum, meanOfSum } from './exact-sum.js';

/**
 * The last values of a group, oldest first, and their exact sum. Adding and dropping a value take the same short time
 * whatever the window's size, and leave no error behind: see `exact-sum.ts`.
 */
export interface Window {
  readonly sum: ExactSum;
  /** A ring: `count` values from `start` on. */
  values: Float64Array;
  /** The values' times; null if the window is not one of time. */
  times: BigInt64Array | null;
  start: number;
  count: number;
}

const minCapacity = 8;

export function createWindow(timed: boolean): Window {
  return {
    sum: createSum(),
    values: new Float64Array(minCapacity),
    times: timed ? new BigInt64Array(minCapacity) : null,
    start: 0,
    count: 0,
  };
}

/** Adds the newest value. `time` is kept if the window is one of time. */
export function push(window: Window, value: number, time: bigint): void {
  if (window.count === window.values.length) resize(window, window.count * 2);
  let at = window.start + window.count;
  if (at >= window.values.length) at -= window.values.length;

  window.values[at] = value;
  if (window.times !== null) window.times[at] = time;
  addToSum(window.sum, value, 1);
  window.count++;
}

/** Drops the oldest value. There must be one. */
export function shift(window: Window): void {
  const at = window.start;
  addToSum(window.sum, window.values[at]!, -1);
  window.start = at + 1 === window.values.length ? 0 : at + 1;
  window.count--;
  const capacity = window.values.length;
  // After a burst the memory is given back; the factor of four keeps it from being taken again at once.
  if (capacity > minCapacity && window.count * 4 <= capacity) resize(window, capacity / 2);
}

/** The time of the oldest value. There must be one, in a window of time. */
export function oldestTime(window: Window): bigint {
  return window.times![window.start]!;
}

/** The mean of the values, of which there must be one. */
export function mean(window: Window): number {
  return meanOfSum(window.sum, window.count);
}

function resize(window: Window, capacity: number): void {
  const { start, count } = window;
  window.values = unrolled(window.values, new Float64Array(capacity), start, count);
  if (window.times !== null) {
    window.times = unrolled(window.times, new BigInt64Array(capacity), start, count);
  }
  window.start = 0;
}

/** Copies a ring's content to the beginning of a larger or smaller one. */
function unrolled<Ring extends Float64Array | BigInt64Array>(
  from: Ring,
  to: Ring,
  start: number,
  count: number,
) {
  const tail = Math.min(count, from.length - start);
  for (let index = 0; index < tail; index++) to[index] = from[start + index]!;
  for (let index = tail; index < count; index++) to[index] = from[index - tail]!;
  return to;
}
