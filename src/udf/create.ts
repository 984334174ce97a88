import type { Batch, BatchInit } from '../model/batch.js';
import type { Point, PointInit } from '../model/point.js';
import { LazyBatch } from '../wire/lazy-batch.js';
import { checkNames, nonEmpty } from '../wire/point/head-writer.js';
import { LazyPoint } from '../wire/point/lazy-point.js';

/**
 * A new point of a stream, for a UDF that makes points of its own; one that follows from a point it got is better made
 * with that point's `with…` methods, which keep what they do not change.
 *
 * Throws `invalid_argument` for an empty name of the point, a field or a tag, and for a value that Kapacitor cannot hold,
 * such as an integer beyond 64 bits.
 */
export function createPoint(init: PointInit): Point {
  const { time, name, database = '', retentionPolicy = '', group = '' } = init;
  const { dimensions = [], byName = false, tags = {}, fields } = init;
  const head = { time, name, database, retentionPolicy, group, dimensions, byName, tags };
  nonEmpty(name, "a point's name");
  checkNames('tag', tags);
  checkNames('field', fields);
  return LazyPoint.create(head, fields);
}

/**
 * A new batch, for a UDF that provides batches of its own making; its size is the number of its points.
 *
 * Throws `invalid_argument` for an empty name of the batch, a field or a tag, and for a value that Kapacitor cannot hold.
 */
export function createBatch(init: BatchInit): Batch {
  const { name, time, group = '', tags = {}, byName = false, points } = init;
  // Every BatchPoint is a LazyPoint or plain data: both are what LazyBatch takes.
  nonEmpty(name, "a batch's name");
  checkNames('tag', tags);
  return LazyBatch.create({ name, group, tags, byName }, time, []).withPoints(points);
}
