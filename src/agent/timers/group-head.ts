import type { BatchInfo } from '../../model/batch.js';
import type { BatchPoint, BatchPointInit } from '../../model/point.js';
import { UdfError } from '../../model/errors.js';
import type { FieldInputs, Tags } from '../../model/values.js';
import type { NewItem } from '../../udf/timers.js';
import { checkNames } from '../../wire/checks.js';
import { LazyBatch } from '../../wire/lazy-batch.js';
import { LazyPoint } from '../../wire/point/lazy-point.js';

/** A point or a batch whose group is known. */
export type HeadSource = LazyPoint | BatchInfo;

/**
 * What all points of a group share, kept so that points and batches can be created when none has come: the frame of a point
 * without fields, as a string of one character per byte, which takes less memory than a buffer.
 */
export type GroupHead = string;

export function headOf(source: HeadSource): GroupHead {
  return headPoint(source).frameBytes().toString('latin1');
}

function headPoint(source: HeadSource): LazyPoint {
  if (!LazyPoint.is(source)) {
    const { name, group, tags, byName } = source;
    const dimensions = Object.keys(tags).sort();
    return LazyPoint.create(
      { time: 0n, name, database: '', retentionPolicy: '', group, dimensions, tags, byName },
      {},
    );
  }
  const { name, database, retentionPolicy, group, dimensions, byName, tags: all } = source;
  const tags: Record<string, string> = {};
  for (const dimension of dimensions) {
    const value = all[dimension];
    if (value !== undefined) tags[dimension] = value;
  }
  return LazyPoint.create({ time: 0n, name, database, retentionPolicy, group, dimensions, tags, byName }, {});
}

/** Whether a string, from a snapshot say, is a head. */
export function isGroupHead(head: string): boolean {
  const point = LazyPoint.fromWholeFrame(Buffer.from(head, 'latin1'));
  if (!point) return false;
  try {
    LazyPoint.validate(point);
    return true;
  } catch {
    return false;
  }
}

function pointOf(head: GroupHead): LazyPoint {
  return LazyPoint.fromWholeFrame(Buffer.from(head, 'latin1'))!; // `headOf` or `isGroupHead` made sure
}

/** A new point of the group. Throws `invalid_argument` for a value that Kapacitor cannot hold. */
export function newPoint(head: GroupHead, fields: FieldInputs, { time, tags }: NewItem): LazyPoint {
  checkNames('field', fields);
  const point = pointOf(head).replaceFields(fields).withTime(time);
  return tags === undefined ? point : point.withTags(tags);
}

/** A new batch of the group. Throws `invalid_argument` for a value that Kapacitor cannot hold. */
export function newBatch(
  head: GroupHead,
  points: readonly (BatchPoint | BatchPointInit)[],
  { time, tags: own }: NewItem,
): LazyBatch {
  const { name, group, tags, byName } = pointOf(head);
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
