import { UdfError } from '../model/errors.js';
import { nearestName } from '../model/text.js';
import type { Batch, BatchInit } from '../model/batch.js';
import type { Point, PointInit } from '../model/point.js';
import { checkArray, checkBoolean, checkNames, nonEmpty, wrongType } from '../wire/checks.js';
import { LazyBatch } from '../wire/lazy-batch.js';
import { LazyPoint } from '../wire/point/lazy-point.js';

/**
 * A new point of a stream, for a UDF that makes points of its own; one that follows from a point it got is better made
 * with that point's `with…` methods, which keep what they do not change.
 *
 * Throws `invalid_argument` for an unknown key, an empty name of the point, a field or a tag, and for a value that
 * Kapacitor cannot hold, such as an integer beyond 64 bits.
 */
export function createPoint(init: PointInit): Point {
  checkInit('createPoint({ name, time, fields })', init, pointKeys);
  const { time, name, database = '', retentionPolicy = '', group = '' } = init;
  const { dimensions = [], byName = false, tags = {}, fields } = init;
  const head = { time, name, database, retentionPolicy, group, dimensions, byName, tags };
  nonEmpty(name, "a point's name");
  checkBoolean('byName', byName);
  checkNames('tag', tags);
  checkNames('field', fields);
  return LazyPoint.create(head, fields);
}

/**
 * A new batch, for a UDF that provides batches of its own making; its size is the number of its points.
 *
 * Throws `invalid_argument` for an unknown key, an empty name of the batch, a field or a tag, and for a value that
 * Kapacitor cannot hold.
 */
export function createBatch(init: BatchInit): Batch {
  checkInit('createBatch({ name, time, points })', init, batchKeys);
  const { name, time, group = '', tags = {}, byName = false, points } = init;
  // Every BatchPoint is a LazyPoint or plain data: both are what LazyBatch takes.
  nonEmpty(name, "a batch's name");
  checkArray("a batch's points", points);
  for (const point of points) checkKeys("a batch's point", point, pointKeys);
  checkBoolean('byName', byName);
  checkNames('tag', tags);
  return LazyBatch.create({ name, group, tags, byName }, time, []).withPoints(points);
}

const pointKeys = Object.keys({
  name: 0,
  time: 0,
  fields: 0,
  tags: 0,
  group: 0,
  dimensions: 0,
  byName: 0,
  database: 0,
  retentionPolicy: 0,
} satisfies Record<keyof PointInit, 0>);

const batchKeys = Object.keys({
  name: 0,
  time: 0,
  points: 0,
  tags: 0,
  group: 0,
  byName: 0,
} satisfies Record<keyof BatchInit, 0>);

function checkInit(call: string, init: unknown, keys: readonly string[]): void {
  if (typeof init !== 'object' || init === null) throw wrongType(call, 'given an object', init);
  checkKeys(call, init, keys);
}

/** The value of a misspelt key would be ignored silently. */
function checkKeys(what: string, init: unknown, keys: readonly string[]): void {
  if (typeof init !== 'object' || init instanceof LazyPoint) return;
  for (const key in init) {
    if (keys.includes(key)) continue;
    const near = nearestName(key, keys);
    const hint = near === undefined ? `it takes ${keys.join(', ')}` : `did you mean "${near}"?`;
    throw new UdfError('invalid_argument', `${what}: unknown key "${key}" (${hint})`);
  }
}
