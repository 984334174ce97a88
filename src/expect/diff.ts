/** One step from what was expected to what came. */
export type DiffStep =
  | { readonly kind: 'same'; readonly expected: number; readonly actual: number }
  | { readonly kind: 'missing'; readonly expected: number }
  | { readonly kind: 'extra'; readonly actual: number };

/** Where the tables of the middle part would grow beyond this, it is shown as replaced altogether. */
const maxCells = 4_000_000;

/**
 * The shortest way from `expected` items to `actual` ones: which stayed, which are missing, which are extra. Lists that
 * differ in very many places are not searched for the shortest way.
 */
export function diff(
  expected: number,
  actual: number,
  same: (expected: number, actual: number) => boolean,
): DiffStep[] {
  let start = 0;
  while (start < expected && start < actual && same(start, start)) start++;
  let tail = 0;
  while (tail < expected - start && tail < actual - start && same(expected - 1 - tail, actual - 1 - tail))
    tail++;
  const steps: DiffStep[] = [];
  for (let at = 0; at < start; at++) steps.push({ kind: 'same', expected: at, actual: at });
  steps.push(...middle(start, expected - tail, actual - tail, same));
  for (let left = tail; left > 0; left--) {
    steps.push({ kind: 'same', expected: expected - left, actual: actual - left });
  }
  return steps;
}

/** The part between the first difference and the last: the longest common subsequence by dynamic programming. */
function middle(
  start: number,
  expectedEnd: number,
  actualEnd: number,
  same: (expected: number, actual: number) => boolean,
): DiffStep[] {
  const rows = expectedEnd - start;
  const columns = actualEnd - start;
  const width = columns + 1;
  const small = (rows + 1) * width <= maxCells;
  // lengths[row * width + column]: how much `expected` from this row on and `actual` from this column on share.
  const lengths = new Int32Array(small ? (rows + 1) * width : 0);
  const length = (row: number, column: number): number => lengths[row * width + column] ?? 0;
  for (let row = rows - 1; small && row >= 0; row--) {
    for (let column = columns - 1; column >= 0; column--) {
      lengths[row * width + column] = same(start + row, start + column)
        ? length(row + 1, column + 1) + 1
        : Math.max(length(row + 1, column), length(row, column + 1));
    }
  }

  const steps: DiffStep[] = [];
  let row = 0;
  let column = 0;
  while (row < rows || column < columns) {
    const both = row < rows && column < columns;
    if (both && small && same(start + row, start + column)) {
      steps.push({ kind: 'same', expected: start + row++, actual: start + column++ });
    } else if (row < rows && (!both || length(row + 1, column) >= length(row, column + 1))) {
      steps.push({ kind: 'missing', expected: start + row++ });
    } else {
      steps.push({ kind: 'extra', actual: start + column++ });
    }
  }
  return steps;
}
