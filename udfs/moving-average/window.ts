/**
 * A sliding window as two stacks (K. Tangwongsan, M. Hirzel, S. Schneider: "Low-Latency Sliding-Window Aggregation in
 * Worst-Case Constant Time", 2017). New values are added to one sum. When all older values are dropped, the newer ones
 * become the older, each replaced by the sum from it to the newest. Nothing is ever subtracted, so nothing drifts.
 */
export interface Window {
  /** The newer values' sum, its rounding error and its scale, then a ring. One array, for there may be a million. */
  cells: number[];
  start: number;
  count: number;
  /** How many entries, from the oldest on, hold sums; and how many of those are scaled. */
  older: number;
  scaled: number;
  /** The ring of the values' times, if they are needed. */
  times?: BigInt64Array;
}

const [sum, error, scale, head] = [0, 1, 2, 3] as const;
const minCapacity = 4;
/** Larger sums are kept as their 2^-64th: the mean of doubles is a double where their sum is not. */
const maxUnscaled = 2 ** 1000;
const scaleDown = 2 ** -64;

export function createWindow(timed: boolean): Window {
  const window = { cells: newCells(minCapacity), start: 0, count: 0, older: 0, scaled: 0 };
  return timed ? { ...window, times: new BigInt64Array(minCapacity) } : window;
}

/** Adds the newest value. `maxCount` is the most that the window will hold. */
export function push(window: Window, value: number, maxCount: number, time = 0n): void {
  const capacity = window.cells.length - head;
  if (window.count === capacity) resize(window, Math.min(2 * capacity, maxCount));
  const at = slot(window, window.count++);
  window.cells[at] = value;
  if (window.times !== undefined) window.times[at - head] = time;
  add(window.cells, value);
}

/** Drops the oldest value. There must be one. */
export function shift(window: Window): void {
  if (window.older === 0) turnOver(window);
  window.start = slot(window, 1) - head;
  window.count--;
  window.older--;
  if (window.scaled > 0) window.scaled--;
}

/** The time of the oldest value, in a window with times. There must be one. */
export function oldestTime({ times, start }: Window): bigint {
  return times![start]!;
}

/** The mean of the values, of which there must be one. */
export function mean(window: Window): number {
  const { cells, older, scaled } = window;
  const oldSum = older > 0 ? cells[slot(window, 0)]! : 0;
  const oldScale = scaled > 0 ? scaleDown : 1;
  const common = Math.min(oldScale, cells[scale]!);
  return (oldSum * (common / oldScale) + total(cells) * (common / cells[scale]!)) / (window.count * common);
}

/** Adds to the newer values' sum, and to its rounding error (A. Neumaier, 1974). */
function add(cells: number[], value: number): void {
  if (cells[scale] === 1 && !(Math.abs(cells[sum]!) + Math.abs(value) < maxUnscaled)) {
    for (const cell of [sum, error, scale]) cells[cell]! *= scaleDown;
  }
  const before = cells[sum]!;
  const term = value * cells[scale]!;
  const after = (cells[sum] = before + term);
  cells[error]! += Math.abs(before) >= Math.abs(term) ? before - after + term : term - after + before;
}

/** An infinite sum has no rounding error. */
function total(cells: readonly number[]): number {
  return Number.isFinite(cells[sum]) ? cells[sum]! + cells[error]! : cells[sum]!;
}

function turnOver(window: Window): void {
  if (4 * window.count < window.cells.length - head) resize(window, Math.max(window.count, minCapacity)); // after a burst
  const { cells } = window;
  clearSum(cells);
  window.older = window.count;
  for (let offset = window.count - 1; offset >= 0; offset--) {
    const at = slot(window, offset);
    add(cells, cells[at]!);
    cells[at] = total(cells);
    if (cells[scale] !== 1) window.scaled++;
  }
  clearSum(cells);
}

function resize(window: Window, capacity: number): void {
  const { count, times } = window;
  const slots = Array.from({ length: count }, (_, offset) => slot(window, offset));
  const cells = newCells(capacity);
  for (let at = 0; at < head; at++) cells[at] = window.cells[at]!;
  for (const [offset, at] of slots.entries()) cells[head + offset] = window.cells[at]!;
  if (times !== undefined) {
    window.times = new BigInt64Array(capacity);
    window.times.set(slots.map((at) => times[at - head]!));
  }
  window.cells = cells;
  window.start = 0;
}

function slot({ cells, start }: Window, offset: number): number {
  const at = head + start + offset;
  return at < cells.length ? at : at - cells.length + head;
}

function newCells(capacity: number): number[] {
  const cells = new Array<number>(head + capacity).fill(NaN); // doubles from the start: V8 need not convert it
  clearSum(cells);
  return cells;
}

function clearSum(cells: number[]): void {
  cells[sum] = cells[error] = 0;
  cells[scale] = 1;
}
