import { type FieldValue, type Point, UdfError } from 'kapacitor-udf';
import { createLevel } from './level.js';
import type { Options } from './options.js';
import { sameValue, sameWithin, type Value } from './same-value.js';

/** The state in a point: one value, or one per field, then per tag, if several are watched. */
export type Reading = Value | readonly Value[];

/** Reads states from points and compares them. */
export interface Watch {
  /**
   * Reads the state in a point, given the group's previous one. `undefined` skips the point. Throws `handler` if a value is
   * missing and the options make that an error.
   */
  read(point: Point, shown: Reading | undefined): Reading | undefined;
  /** Whether two states are the same. */
  same(a: Reading, b: Reading): boolean;
  /** Whether two values of one field or tag are the same. */
  readonly sameValue: Compare;
  /** The values of a state; `undefined` for a state restored from other options. */
  values(reading: Reading | undefined): readonly Value[] | undefined;
}

type OnMissing = Options['onMissing'];
type Compare = (a: Value, b: Value) => boolean;
/** Maps a field's value to a state; `undefined` if it has none. */
type Classify = (value: FieldValue | undefined, shown: unknown) => FieldValue | undefined;

export function createWatch({ field, tag, above, hysteresis = 0, deadband, onMissing }: Options): Watch {
  const classify = above === undefined ? undefined : createLevel(above, hysteresis);
  const same = deadband === undefined ? sameValue : sameWithin(deadband);
  if (field.length + tag.length > 1) {
    return watchSeveral(field, tag, classify ?? ((value) => value), same, onMissing);
  }
  return field.length === 1 ? watchField(field[0]!, classify, same, onMissing) : watchTag(tag[0]!, onMissing);
}

function watchTag(name: string, onMissing: OnMissing): Watch {
  return {
    read: (point) => point.tag(name) ?? missing(point, `tag "${name}"`, onMissing),
    ...comparing(sameValue),
  };
}

function watchField(
  name: string,
  classify: Classify | undefined,
  same: Compare,
  onMissing: OnMissing,
): Watch {
  const place = `field "${name}"`;
  return {
    read: classify
      ? (point, shown) => classify(point.field(name), shown) ?? missing(point, place, onMissing)
      : (point) => point.field(name) ?? missing(point, place, onMissing),
    ...comparing(same),
  };
}

/** The comparisons of a watch of one value. */
function comparing(same: Compare): Omit<Watch, 'read'> {
  return {
    same, // a list, restored from a use with several fields, equals no value
    sameValue: same,
    values: (reading) => (reading === undefined || isList(reading) ? undefined : [reading]),
  };
}

/** The state of a point that lacks the only value that is watched. */
function missing(point: Point, place: string, onMissing: OnMissing): null | undefined {
  if (onMissing === 'error') throw missingValue(point, place);
  return onMissing === 'change' ? null : undefined;
}

function watchSeveral(
  fields: readonly string[],
  tags: readonly string[],
  classify: Classify,
  same: Compare,
  onMissing: OnMissing,
): Watch {
  const names = [...fields, ...tags];
  const values = (reading: Reading | undefined): readonly Value[] | undefined =>
    isList(reading) && reading.length === names.length ? reading : undefined;
  return {
    read(point, shown) {
      const before = values(shown);
      let found = 0;
      const now = names.map((name, index) => {
        const old = before?.[index] ?? null;
        const isField = index < fields.length;
        const value = isField ? classify(point.field(name), old) : point.tag(name);
        if (value !== undefined) {
          found++;
          return value;
        }
        if (onMissing === 'error') throw missingValue(point, `${isField ? 'field' : 'tag'} "${name}"`);
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

function missingValue(point: Point, place: string): UdfError {
  return new UdfError(
    'handler',
    `the point at ${point.time} (group "${point.group}") has no value to watch in the ${place}`,
  );
}
