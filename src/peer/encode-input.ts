import type { Batch, BatchInit } from '../model/batch.js';
import type { Point, PointInit } from '../model/point.js';
import { batchGroupId, groupId } from '../recording/groups.js';
import { LazyBatch } from '../wire/lazy-batch.js';
import { LazyPoint } from '../wire/point/lazy-point.js';

/** A point as Kapacitor encodes it; its group, if not given, is computed as Kapacitor does. */
export function encodePoint(init: PointInit | Point): LazyPoint {
  if (init instanceof LazyPoint) return init;
  const { name, tags = {}, dimensions = [], byName = false } = init;
  const { database = '', retentionPolicy = '', time } = init;
  const group = init.group ?? groupId({ name, tags, dimensions, byName });
  const head = { time, name, database, retentionPolicy, group, dimensions, tags, byName };
  return LazyPoint.create(head, init.fields);
}

/** A batch as Kapacitor encodes it: with its group, and its tags on each of its points too. */
export function encodeBatch(init: BatchInit | Batch): LazyBatch {
  if (init instanceof LazyBatch) return init;
  const { name, tags = {}, byName = false, time } = init;
  const group = init.group ?? batchGroupId(name, tags, byName);
  const points = init.points.map((point) =>
    point instanceof LazyPoint ? point : { ...point, tags: { ...tags, ...point.tags } },
  );
  return LazyBatch.create({ name, group, tags, byName }, time, points);
}
