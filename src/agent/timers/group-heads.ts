import type { BatchInfo } from '../../model/batch.js';
import type { BatchPoint, BatchPointInit } from '../../model/point.js';
import { UdfError } from '../../model/errors.js';
import { type FieldInputs, setEntry, type Tags } from '../../model/values.js';
import type { NewItem } from '../../udf/timers.js';
import { checkNames } from '../../wire/checks.js';
import { LazyBatch } from '../../wire/lazy-batch.js';
import { readLength, valueEnd } from '../../wire/point/layout.js';
import { LazyPoint } from '../../wire/point/lazy-point.js';
import { GroupNames } from '../state/names.js';

/** A point or a batch whose group is known. */
export type HeadSource = LazyPoint | BatchInfo;

/** A point without fields that has what all points of a group share. */
function headPoint(source: HeadSource): LazyPoint {
  if (!LazyPoint.is(source)) {
    const { name, group, tags, byName } = source;
    const dimensions = Object.keys(tags).sort();
    return LazyPoint.create(
      { time: 0n, name, database: '', retentionPolicy: '', group, dimensions, tags, byName },
      {},
    );
  }
  const all = source.tags;
  const tags: Record<string, string> = {};
  for (const dimension of source.dimensions) {
    const value = all[dimension];
    if (value !== undefined) setEntry(tags, dimension, value);
  }
  return source.replaceFields({}).withHead({ time: 0n, tags });
}

/**
 * What all points of each group share, kept so that points and batches can be created when none has come: the frames of
 * points without fields, by the groups' indexes.
 */
export class GroupHeads {
  readonly #frames = new GroupNames(0);

  has(group: number): boolean {
    return this.#frames.has(group);
  }

  /** Keeps the head of a point or a batch of the group, which must have none. */
  keep(group: number, source: HeadSource): void {
    const frame = headPoint(source).frameBytes();
    this.#frames.keep(group, frame, 0, frame.length);
  }

  /** Keeps a head from a snapshot, `buf[start..end)`. Returns false if it is not one. */
  restore(group: number, buf: Buffer, start: number, end: number): boolean {
    const size = readLength(buf, start);
    const payload = valueEnd;
    const point = payload + size === end ? LazyPoint.fromFrame(buf, start, payload, end) : undefined;
    if (!point) return false;
    try {
      LazyPoint.validate(point);
    } catch {
      return false;
    }
    this.#frames.keep(group, buf, start, end - start);
    return true;
  }

  /** Allocates for the heads of this many groups, at most `maxBytes`, assuming that they are like the `restored` ones. */
  reserve(groups: number, restored: number, maxBytes: number): void {
    this.#frames.reserveLike(groups, restored, maxBytes);
  }

  /** The bytes of a group's head; 0 without one. */
  length(group: number): number {
    return this.#frames.has(group) ? this.#frames.length(group) : 0;
  }

  /** Copies a group's head, if there is one, to `to[at…)`. */
  copy(group: number, to: Uint8Array, at: number): void {
    if (this.#frames.has(group)) this.#frames.copy(group, to, at);
  }

  pointOf(group: number): LazyPoint | undefined {
    if (!this.#frames.has(group)) return undefined;
    const frame = Buffer.allocUnsafe(this.#frames.length(group));
    this.#frames.copy(group, frame, 0);
    return LazyPoint.fromWholeFrame(frame);
  }

  forget(group: number): void {
    if (this.#frames.has(group)) this.#frames.remove(group);
  }

  clear(): void {
    this.#frames.clear();
  }
}

/** A new point of the group. Throws `invalid_argument` for a value that Kapacitor cannot hold. */
export function newPoint(head: LazyPoint, fields: FieldInputs, { time, tags }: NewItem): LazyPoint {
  checkNames('field', fields);
  const point = head.replaceFields(fields).withTime(time);
  return tags === undefined ? point : point.withTags(tags);
}

/** A new batch of the group. Throws `invalid_argument` for a value that Kapacitor cannot hold. */
export function newBatch(
  head: LazyPoint,
  points: readonly (BatchPoint | BatchPointInit)[],
  { time, tags: own }: NewItem,
): LazyBatch {
  const { name, group, tags, byName } = head;
  const all: Tags = own === undefined ? tags : { ...tags, ...own };
  return LazyBatch.create({ name, group, tags: all, byName }, time, []).withPoints(
    points, // every BatchPoint is a LazyPoint or plain data
  );
}

/** For a group whose head is not known. */
export function unknownHead(call: string): UdfError {
  return new UdfError(
    'handler',
    `${call}: no timer was ever set in this group; use createPoint or createBatch`,
  );
}
