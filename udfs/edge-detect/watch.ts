import { type FieldValue, type Point, UdfError } from 'kapacitor-udf';
import { createLevel } from './level.js';
import type { Options } from './options.js';
import { sameValue, sameWithin, type Value } from './same-value.js';

/** The state in a point: one value, or one per field if several are watched. */
export type Reading = Value | readonly Value[];

/** Reads states from points and compares them. */
export interface Watch {
  /**
   * Reads the state in a point, given the group's previous one. `undefined` skips the point. Throws `handler` if a field is
   * missing and the options make that an error.
   */
  read(point: Point, shown: Reading | undefined): Reading | undefined;
  /** Whether two states are the same. */
  same(a: Reading, b: Reading): boolean;
  /** Whether two values of one field are the same. */
  readonly sameValue: Compare;
  /** The values of a state; `undefined` for a state restored from other options. */
  values(reading: Reading | undefined): readonly Value[] | undefined;
}

type OnMissing = Options['onMissing'];
type Compare = (a: Value, b: Value) => boolean;
/** Maps a field's value to a state; `undefined` if it has none. */
type Classify = (value: FieldValue | undefined, shown: unknown) => FieldValue | undefined;

export function createWatch({ field, above, hysteresis = 0, deadband, onMissing }: Options): Watch {
  const classify = above === undefined ? undefined : createLevel(above, hysteresis);
  const same = deadband === undefined ? sameValue : sameWithin(deadband);
  return field.length === 1
    ? watchOne(field[0]!, classify, same, onMissing)
    : watchSeveral(field, classify ?? ((value) => value), same, onMissing);
}

function watchOne(name: string, classify: Classify | undefined, same: Compare, onMissing: OnMissing): Watch {
  const missing = (point: Point): null | undefined => {
    if (onMissing === 'error') throw missingField(point, name);
    return onMissing === 'change' ? null : undefined;
  };
  return {
    read: classify
      ? (point, shown) => classify(point.field(name), shown) ?? missing(point)
      : (point) => point.field(name) ?? missing(point),
    same, // a list, restored from a use with several fields, equals no value
    sameValue: same,
    values: (reading) => (reading === undefined || isList(reading) ? undefined : [reading]),
  };
}

function watchSeveral(
  names: readonly string[],
  classify: Classify,
  same: Compare,
  onMissing: OnMissing,
): Watch {
  const values = (reading: Reading | undefined): readonly Value[] | undefined =>
    isList(reading) && reading.length === names.length ? reading : undefined;
  return {
    read(point, shown) {
      const before = values(shown);
      let found = 0;
      const now = names.map((name, index) => {
        const old = before?.[index] ?? null;
        const value = classify(point.field(name), old);
        if (value !== undefined) {
          found++;
          return value;
        }
        if (onMissing === 'error') throw missingField(point, name);
        return onMissing === 'change' ? null : old;
      });
      return found === 0 && onMissing === 'skip' ? undefined : now;
    },
    same(a, b) {
      const one = values(a);
      const other = values(b);
      return (
        one !== undefined && other !== undefined && one.every((value, index) => same(value, other[index]!))
      );
    },
    sameValue: same,
    values,
  };
}

function isList(reading: Reading | undefined): reading is readonly Value[] {
  return Array.isArray(reading);
}

function missingField(point: Point, field: string): UdfError {
  return new UdfError(
    'handler',
    `the point at ${point.time} (group "${point.group}") has no value to watch in the field "${field}"`,
  );
}
