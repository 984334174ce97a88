import type { FieldValue } from 'kapacitor-udf';
import { type FieldLayout, none } from './layout.js';
import type { Period } from './state.js';
import { addCompensated, addDouble, addInteger } from './sum.js';

/** Adds a value whose interval lies in the period; its time is that at which the interval begins. */
export function addWhole(
  { cells, values }: Period,
  field: FieldLayout,
  value: FieldValue,
  second: number,
  nanos: number,
): void {
  cells[field.count]!++;
  if (field.weight !== none) cells[field.weight]!++;
  if (field.sum !== none) {
    if (typeof value === 'number') addDouble(cells, field.sum, value);
    else if (typeof value === 'bigint') addInteger(cells, field.sum, value);
  }
  if (values !== undefined) choose(cells, values, field, value, second, nanos);
}

/** Adds a value of whose interval this fraction lies in the period. */
export function addPart(
  { cells, values }: Period,
  field: FieldLayout,
  value: FieldValue,
  second: number,
  nanos: number,
  { fraction, begins }: { readonly fraction: number; readonly begins: boolean },
): void {
  if (begins) cells[field.count]!++;
  cells[field.weight]! += fraction;
  // A number, or else no aggregate needs the sum.
  if (field.sum !== none) addDouble(cells, field.sum, Number(value) * fraction);
  if (values !== undefined) choose(cells, values, field, value, second, nanos);
}

/** Adds a part of the area under a straight line: its value times seconds, and these seconds. */
export function addArea({ cells }: Period, { area }: FieldLayout, size: number, seconds: number): void {
  addCompensated(cells, area, size);
  cells[area + 2]! += seconds;
}

function choose(
  cells: number[],
  values: (FieldValue | null)[],
  { min, max, last, lastTime }: FieldLayout,
  value: FieldValue,
  second: number,
  nanos: number,
): void {
  // Integers and doubles compare exactly; texts come only where no extreme is asked for.
  if (min !== none && (values[min] === null || value < values[min]!)) values[min] = value;
  if (max !== none && (values[max] === null || value > values[max]!)) values[max] = value;
  if (last === none) return;
  const newest = cells[lastTime]!;
  if (second < newest || (second === newest && nanos < cells[lastTime + 1]!)) return;
  cells[lastTime] = second;
  cells[lastTime + 1] = nanos;
  values[last] = value;
}
