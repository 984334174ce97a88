import type { FieldValue, Point } from 'kapacitor-udf';
import type { Options } from './options.js';
import type { Value } from './same-value.js';
import type { Reading, Watch } from './watch.js';

/** A state that has ended. */
export interface Ended {
  readonly value: Reading;
  /** How long it lasted, in nanoseconds. */
  readonly lasted: bigint;
  readonly points: number;
}

/** Puts a state, and the one before it, into the fields that the TICKscript names. */
export type Describe = (point: Point, now: Reading, ended: Ended | undefined) => Point;

export function createDescription(options: Options, watch: Watch): Describe {
  const { as, previousAs, durationAs, countAs } = options;
  const unit = Number(options.unit);
  if (as.length + previousAs.length === 0 && durationAs === undefined && countAs === undefined) {
    return (point) => point;
  }
  return (point, now, ended) => {
    const fields: Record<string, FieldValue> = {};
    put(fields, as, watch.values(now)!); // it was read by this watch
    if (ended) {
      put(fields, previousAs, watch.values(ended.value)!);
      if (durationAs !== undefined) fields[durationAs] = Number(ended.lasted) / unit;
      if (countAs !== undefined) fields[countAs] = BigInt(ended.points);
    }
    return point.withFields(fields);
  };
}

/** A value that is missing leaves its field out: no other type of value would do in its place. */
function put(fields: Record<string, FieldValue>, names: readonly string[], values: readonly Value[]): void {
  for (const [index, name] of names.entries()) {
    const value = values[index] ?? null;
    if (value !== null) fields[name] = value;
  }
}
