import type { FieldValue } from 'kapacitor-udf';

/** A field's value; null if absent. */
export type Value = FieldValue | null;

/** Whether two values are the same state: integer 1 equals double 1.0, and NaN equals NaN. */
export function sameValue(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (!isNumber(a) || !isNumber(b)) return false;
  if (Number.isNaN(a)) return Number.isNaN(b);
  return a <= b && a >= b; // exact across bigint and number, for which `===` is always false
}

/** Like `sameValue`, but numbers within `deadband` of each other are the same, too. */
export function sameWithin(deadband: number) {
  return (a: Value, b: Value): boolean => sameValue(a, b) || distance(a, b) <= deadband;
}

/** The distance of two numbers; NaN, which fails every comparison, for other types. */
function distance(a: Value, b: Value): number | bigint {
  if (typeof a === 'bigint' && typeof b === 'bigint') return a > b ? a - b : b - a;
  return isNumber(a) && isNumber(b) ? Math.abs(Number(a) - Number(b)) : NaN;
}

function isNumber(value: Value): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}
