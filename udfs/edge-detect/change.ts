import type { FieldValue, Point } from 'kapacitor-udf';
import { type Options, silentName } from './options.js';
import type { Value } from './same-value.js';
import type { Reading, Watch } from './watch.js';

/** A state that has ended. */
export interface Ended {
  readonly value: Reading;
  /** Its duration in nanoseconds. */
  readonly lasted: bigint;
  readonly points: number;
}

/** What an emitted point is, besides the state that it shows: a group's first one, or one that a group did not send. */
export type Mark = 'new' | 'silent';

/** Writes a state, its predecessor and what the point is to the fields named in the TICKscript. */
export type Describe = (point: Point, now: Reading, ended: Ended | undefined, mark?: Mark) => Point;

export function createDescription(options: Options, watch: Watch): Describe {
  const { as, previousAs, durationAs, countAs, newAs, silentAfter } = options;
  const silentAs = silentAfter === undefined ? undefined : silentName(options);
  const unit = Number(options.unit);
  const hasNames = [...as, ...previousAs, durationAs, countAs, newAs, silentAs].some(
    (name) => name !== undefined,
  );
  if (!hasNames) return (point) => point;
  return (point, now, ended, mark) => {
    const fields: Record<string, FieldValue> = {};
    put(fields, as, watch.values(now)!); // it was read by this watch
    if (ended) {
      put(fields, previousAs, watch.values(ended.value)!);
      if (durationAs !== undefined) fields[durationAs] = Number(ended.lasted) / unit;
      if (countAs !== undefined) fields[countAs] = BigInt(ended.points);
    }
    if (newAs !== undefined) fields[newAs] = mark === 'new';
    if (silentAs !== undefined) fields[silentAs] = mark === 'silent';
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
