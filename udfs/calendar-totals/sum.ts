/**
 * Sums of numbers, in three cells of an array of doubles: plain data for snapshots, and small.
 *
 * - Of integers: exact, as `high * 2^32 + low`.
 * - Of doubles: the sum and its rounding error, by compensated summation (A. Neumaier, 1974). Integers that come after a
 *   double, or before it, are added to that.
 */
const [first, second, kind] = [0, 1, 2] as const;
export const sumCells = 3;

const ofIntegers = 0;
const ofDoubles = 1;

const maxLow = 2 ** 52;
const highUnit = 2 ** 32;

/** Makes an empty sum in `cells`, whose total is an integer until a double is added. */
export function clearSum(cells: number[], at: number, isOfDoubles: boolean): void {
  cells[at + first] = cells[at + second] = 0;
  cells[at + kind] = isOfDoubles ? ofDoubles : ofIntegers;
}

export function addDouble(cells: number[], at: number, value: number): void {
  if (cells[at + kind] === ofIntegers) becomeDoubles(cells, at);
  addCompensated(cells, at, value);
}

/** Adds to a sum at `at` and its rounding error in the cell after it. */
export function addCompensated(cells: number[], at: number, value: number): void {
  const before = cells[at + first]!;
  const after = (cells[at + first] = before + value);
  cells[at + second]! +=
    Math.abs(before) >= Math.abs(value) ? before - after + value : value - after + before;
}

export function addInteger(cells: number[], at: number, value: bigint): void {
  const number = Number(value);
  const isSmall = number <= maxLow && number >= -maxLow;
  if (cells[at + kind] === ofDoubles) {
    addDouble(cells, at, number);
    if (!isSmall) addDouble(cells, at, Number(value - BigInt(number)));
    return;
  }
  if (isSmall) {
    const low = cells[at + second]! + number; // at most 2^53
    cells[at + second] = low;
    if (low <= maxLow && low >= -maxLow) return;
    carry(cells, at);
  } else {
    cells[at + first]! += Number(value >> 32n);
    cells[at + second]! += Number(value & 0xffffffffn);
    carry(cells, at);
  }
}

function carry(cells: number[], at: number): void {
  const high = Math.trunc(cells[at + second]! / highUnit);
  cells[at + first]! += high;
  cells[at + second]! -= high * highUnit;
}

function becomeDoubles(cells: number[], at: number): void {
  const total = integerOf(cells, at);
  const rounded = Number(total);
  cells[at + first] = rounded;
  cells[at + second] = Number(total - BigInt(rounded));
  cells[at + kind] = ofDoubles;
}

function integerOf(cells: readonly number[], at: number): bigint {
  return BigInt(cells[at + first]!) * BigInt(highUnit) + BigInt(cells[at + second]!);
}

/** The total: an integer if only integers were added and it fits 64 bits, else a double. */
export function totalOf(cells: readonly number[], at: number): number | bigint {
  if (cells[at + kind] === ofIntegers) {
    const total = integerOf(cells, at);
    return BigInt.asIntN(64, total) === total ? total : Number(total);
  }
  const sum = cells[at + first]!;
  return Number.isFinite(sum) ? sum + cells[at + second]! : sum;
}
