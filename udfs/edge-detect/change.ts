import type { FieldValue, Point } from 'kapacitor-udf';
import type { Options } from './options.js';
import type { Value } from './same-value.js';
import type { Reading, Watch } from './watch.js';

/** A state that has ended. */
export interface Ended {
  readonly value: Reading;
  /** Its duration in nanoseconds. */
  readonly lasted: bigint;
  readonly points: number;
}

/** Writes a state and its predecessor to the fields named in the TICKscript. */
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

/** Sets a field unless the value is missing: a placeholder would have another type. */
function put(fields: Record<string, FieldValue>, names: readonly string[], values: readonly Value[]): void {
  for (const [index, name] of names.entries()) {
    const value = values[index] ?? null;
    if (value !== null) fields[name] = value;
  }
}
