import type { AnyPoint, Point as PublicPoint } from '../../model/point.js';
import { type FieldValue, setEntry, type Tags } from '../../model/values.js';

/** The `inspect` argument of a custom inspection; declared here, so that the types do not need `@types/node`. */
export type Inspect = (value: unknown, options: object) => string;

/** The symbol by which Node finds a custom inspection. */
export const inspectSymbol: unique symbol = Symbol.for('nodejs.util.inspect.custom');

// `util.inspect` and test runners print the name of an object's class before its properties.
/* eslint-disable @typescript-eslint/no-extraneous-class -- only the name matters */
class Point {
  constructor(values: object) {
    Object.assign(this, values);
  }
}

class Batch {
  constructor(values: object) {
    Object.assign(this, values);
  }
}
/* eslint-enable @typescript-eslint/no-extraneous-class */

/** A point's values as own properties, without the empty ones (a point of a batch has no name, database, …). */
export function shownPoint(point: PublicPoint): object {
  const { time, name, database, retentionPolicy, group, dimensions, byName, tags, fields } = point;
  return new Point({
    ...(name !== '' && { name }),
    time,
    ...(database !== '' && { database }),
    ...(retentionPolicy !== '' && { retentionPolicy }),
    ...(group !== '' && { group }),
    ...(dimensions.length > 0 && { dimensions }),
    ...(byName && { byName }),
    tags,
    fields,
  });
}

interface ShownBatch {
  readonly time: bigint;
  readonly name: string;
  readonly group: string;
  readonly tags: Tags;
  readonly byName: boolean;
  readonly points: readonly PublicPoint[];
}

export function shownBatch({ time, name, group, byName, tags, points }: ShownBatch): object {
  const shown = { name, time, group, ...(byName && { byName }), tags, points: points.map(shownPoint) };
  return new Batch(shown);
}

/** A point as an object for JSON, in the form of the recording format JSON Lines. */
export function pointForJson(point: PublicPoint): object {
  const { name, database, retentionPolicy } = point;
  const { time, tags, fields } = valuesForJson(point);
  return {
    time,
    ...(name !== '' && { name }),
    tags,
    fields,
    ...(database !== '' && { database }),
    ...(retentionPolicy !== '' && { retentionPolicy }),
  };
}

export function batchForJson({ time, name, byName, tags, points }: ShownBatch): object {
  return { time: String(time), name, tags, ...(byName && { byName }), points: points.map(valuesForJson) };
}

/** JSON has no int64 and no NaN: times are text, an integer is `{"int":"5"}` and NaN `{"double":"NaN"}`. */
function valuesForJson({ time, tags, fields }: AnyPoint): { time: string; tags: Tags; fields: object } {
  const values: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) setEntry(values, name, fieldForJson(value));
  return { time: String(time), tags, fields: values };
}

function fieldForJson(value: FieldValue): unknown {
  if (typeof value === 'bigint') return { int: String(value) };
  return typeof value === 'number' && !Number.isFinite(value) ? { double: String(value) } : value;
}

/**
 * A string that two points share only if they are equal, whatever the order of their tags and fields.
 *
 * It serves as a point's `Symbol.toStringTag`: `node:assert`, vitest and jest compare that of two objects, then their
 * own properties, of which a point has none. With a constant tag, any two points would be equal to them.
 */
export function contentTag(point: PublicPoint): string {
  const { time, name, database, retentionPolicy, group, dimensions, byName, tags, fields } = point;
  const values = sorted(fields).map(([key, value]) => [
    key,
    typeof value,
    Object.is(value, -0) ? '-0' : String(value),
  ]);
  const head = [String(time), name, database, retentionPolicy, group, dimensions, byName];
  return `Point ${JSON.stringify([head, sorted(tags), values])}`;
}

function sorted<Value>(record: Readonly<Record<string, Value>>): (readonly [string, Value])[] {
  return Object.entries(record).sort(([one], [other]) => (one < other ? -1 : 1));
}
