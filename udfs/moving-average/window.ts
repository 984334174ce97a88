/**
 * A sliding window as two stacks (K. Tangwongsan, M. Hirzel, S. Schneider: "Low-Latency Sliding-Window Aggregation in
 * Worst-Case Constant Time", 2017). New values are added to one sum. Once all older values are dropped, the newer ones
 * become the older, each replaced by the sum from it to the newest. Nothing is subtracted, so rounding errors do not accumulate.
 */
export interface Window {
  /** Sum of the newer values, its rounding error and its scale, then a ring buffer; one array, to save memory per group. */
  cells: number[];
  start: number;
  count: number;
  /** Number of oldest entries that hold sums, and of those that are scaled. */
  older: number;
  scaled: number;
  /** Ring buffer of the values' times, if needed. */
  times?: BigInt64Array;
}

const [sum, error, scale, head] = [0, 1, 2, 3] as const;
const minCapacity = 4;
/** Larger sums are scaled by 2^-64: a sum of doubles may overflow although the mean does not. */
const maxUnscaled = 2 ** 1000;
const scaleDown = 2 ** -64;

export function createWindow(timed: boolean): Window {
  const window = { cells: newCells(minCapacity), start: 0, count: 0, older: 0, scaled: 0 };
  return timed ? { ...window, times: new BigInt64Array(minCapacity) } : window;
}

/** Whether a value, from a snapshot say, is a window that the functions below can work with. */
export function isWindow(value: object): value is Window {
  const { cells, start, count, older, scaled, times } = value as { readonly [Key in keyof Window]?: unknown };
  if (!Array.isArray(cells) || cells.length < head + minCapacity) return false;
  for (const cell of cells as readonly unknown[]) if (typeof cell !== 'number') return false; // ends at the first hole
  const capacity = cells.length - head;
  return (
    (cells[scale] === 1 || cells[scale] === scaleDown) &&
    isCount(start, capacity - 1) &&
    isCount(count, capacity) &&
    isCount(older, count) &&
    isCount(scaled, older) &&
    (times === undefined || (times instanceof BigInt64Array && times.length === capacity))
  );
}

function isCount(value: unknown, max: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max;
}

/** Adds the newest value. `maxCount` is the capacity of the window. */
export function push(window: Window, value: number, maxCount: number, time = 0n): void {
  const capacity = window.cells.length - head;
  if (window.count === capacity) resize(window, Math.min(2 * capacity, maxCount));
  const at = slot(window, window.count++);
  window.cells[at] = value;
  if (window.times !== undefined) window.times[at - head] = time;
  add(window.cells, value);
}

/** Drops the oldest value. The window must not be empty. */
export function shift(window: Window): void {
  if (window.older === 0) turnOver(window);
  window.start = slot(window, 1) - head;
  window.count--;
  window.older--;
  if (window.scaled > 0) window.scaled--;
}

/** The time of the oldest value. The window must have times and not be empty. */
export function oldestTime({ times, start }: Window): bigint {
  return times![start]!;
}

/** The mean of the values. The window must not be empty. */
export function mean(window: Window): number {
  const { cells, older, scaled } = window;
  const oldSum = older > 0 ? cells[slot(window, 0)]! : 0;
  const oldScale = scaled > 0 ? scaleDown : 1;
  const common = Math.min(oldScale, cells[scale]!);
  return (oldSum * (common / oldScale) + total(cells) * (common / cells[scale]!)) / (window.count * common);
}

/** Adds to the sum of the newer values with compensated summation (A. Neumaier, 1974). */
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
  const cells = new Array<number>(head + capacity).fill(NaN); // NaN makes V8 use an array of doubles from the start
  clearSum(cells);
  return cells;
}

function clearSum(cells: number[]): void {
  cells[sum] = cells[error] = 0;
  cells[scale] = 1;
}
