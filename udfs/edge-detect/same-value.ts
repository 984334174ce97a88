import type { FieldValue } from 'kapacitor-udf';

/** A field's value; null where there is none. */
export type Value = FieldValue | null;

/** Whether two values are one state: integer 1 is double 1.0, and NaN is itself. */
export function sameValue(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (!isNumber(a) || !isNumber(b)) return false;
  if (Number.isNaN(a)) return Number.isNaN(b);
  return a <= b && a >= b; // exact across the two types, which `===` never finds equal
}

/** As `sameValue`, but numbers that differ by no more than `deadband` are the same too. */
export function sameWithin(deadband: number) {
  return (a: Value, b: Value): boolean => sameValue(a, b) || distance(a, b) <= deadband;
}

/** How far two numbers are apart; NaN, which is within nothing, for anything else. */
function distance(a: Value, b: Value): number | bigint {
  if (typeof a === 'bigint' && typeof b === 'bigint') return a > b ? a - b : b - a;
  return isNumber(a) && isNumber(b) ? Math.abs(Number(a) - Number(b)) : NaN;
}

function isNumber(value: Value): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}
