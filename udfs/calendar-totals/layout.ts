import type { FieldValue } from 'kapacitor-udf';
import { aggregateNames, type Options } from './options.js';
import type { Period } from './state.js';
import { clearSum, sumCells } from './sum.js';

/** Where a period keeps what it knows of one field; `none` for what no aggregate needs. */
export interface FieldLayout {
  readonly name: string;
  /** Cells: the number of values whose interval begins in the period. */
  readonly count: number;
  /** With `.split()`: the same, but an interval counts by the part of it that is in the period. */
  readonly weight: number;
  /** Three cells, see `sum.ts`: of `sum`, `mean`, and of `integral` with `.interval()`. */
  readonly sum: number;
  /** Area under straight lines in value × seconds, its rounding error, and the seconds that they cover. */
  readonly area: number;
  /** Seconds and nanoseconds of the last value. */
  readonly lastTime: number;
  /** Indexes of `values`. */
  readonly min: number;
  readonly max: number;
  readonly last: number;
  /** Index of `previous` in the state. */
  readonly previous: number;
  /** Whether the field's number is needed, not only a value of any type. */
  readonly isNumeric: boolean;
}

export const none = -1;

/** The arrays of a period. */
export interface Layout {
  readonly fields: readonly FieldLayout[];
  /** Numbers in `previous` of the state. */
  readonly previousCells: number;
  /** A new period. */
  create(start: number, end: number): Period;
}

export function createLayout(options: Options): Layout {
  const { interval, split } = options;
  let cellCount = 0;
  let valueCount = 0;
  let previousCells = 0;
  const cells = (count: number, isNeeded: boolean): number => {
    if (!isNeeded) return none;
    cellCount += count;
    return cellCount - count;
  };
  const value = (isNeeded: boolean): number => (isNeeded ? valueCount++ : none);

  const fields = namesOf(options).map((name): FieldLayout => {
    const has = (aggregate: (typeof aggregateNames)[number]): boolean =>
      options[aggregate].some(([field]) => field === name);
    const isIntegrated = has('integral');
    const isTraced = isIntegrated && interval === undefined;
    const previous = isTraced ? previousCells : none;
    if (isTraced) previousCells += 3;
    return {
      name,
      count: cells(1, true),
      weight: cells(1, split),
      sum: cells(sumCells, has('sum') || has('mean') || (isIntegrated && !isTraced)),
      area: cells(3, isTraced),
      lastTime: cells(2, has('last')),
      min: value(has('min')),
      max: value(has('max')),
      last: value(has('last')),
      previous,
      isNumeric: has('sum') || has('mean') || has('min') || has('max') || isIntegrated,
    };
  });

  const blank = new Array<number>(cellCount).fill(NaN); // NaN makes V8 use an array of doubles from the start
  blank.fill(0);
  for (const { sum, lastTime } of fields) {
    if (sum !== none) clearSum(blank, sum, split); // parts of integers are doubles
    if (lastTime !== none) blank[lastTime] = -Infinity;
  }
  const noValues = new Array<FieldValue | null>(valueCount).fill(null);
  return {
    fields,
    previousCells,
    create(start, end) {
      const period: Period = { start, end, revision: 0, cells: blank.slice() };
      if (valueCount > 0) period.values = noValues.slice();
      return period;
    },
  };
}

/** The fields that are aggregated, each once. */
function namesOf(options: Options): string[] {
  return [...new Set(aggregateNames.flatMap((aggregate) => options[aggregate].map(([name]) => name)))];
}
