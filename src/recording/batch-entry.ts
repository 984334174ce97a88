import { UdfError } from '../model/errors.js';
import { type Fields, type FieldValue, setEntry } from '../model/values.js';
import { LazyBatch } from '../wire/lazy-batch.js';
import { checkNames, type RecordedItem } from './format.js';
import {
  doubleOf,
  jsonNumber,
  jsonObject,
  jsonTags,
  listOf,
  nameOf,
  objectOf,
  parseObject,
  shown,
  tagsOf,
  textOf,
  malformed,
} from './json-values.js';
import type { PointMaker } from './point-maker.js';
import { formatTime, parseTime } from './times.js';

/**
 * Parses a line of Kapacitor's batch recordings as Kapacitor does: all numbers are doubles, a point without tags has
 * those of its batch, a null field is absent, and a batch is no older than its last point. Throws `malformed`.
 */
export function parseBatchEntry(text: string, maker: PointMaker): LazyBatch {
  const entry = parseObject(text);
  const tags = tagsOf(entry.tags, 'tags');
  const points = listOf(entry.points).map((value) => {
    const point = objectOf(value, 'a point');
    const own = tagsOf(point.tags, "a point's tags");
    return {
      time: parseTime(textOf(point.time, "a point's time")),
      tags: Object.keys(own).length === 0 ? tags : own,
      fields: fieldsOf(point.fields),
    };
  });
  const last = points.at(-1)?.time ?? 0n;
  const given = textOf(entry.tmax, 'tmax');
  // Go's zero time stands for a missing one.
  const tmax = given === '' || given.startsWith('0001-01-01T00:00:00') ? last : parseTime(given);
  const time = points.length > 0 && tmax < last ? last : tmax;
  return maker.batch({ name: nameOf(entry.name), tags, byName: entry.byname === true, time, points });
}

/**
 * Formats a batch as a line of Kapacitor's batch recordings, without the newline. Throws `invalid_argument` for a point
 * outside a batch, an empty name, and a value that Kapacitor would read back changed.
 */
export function formatBatchEntry(item: RecordedItem): string {
  if (!(item instanceof LazyBatch)) {
    throw cannot('a point outside a batch; write it to a .srpl recording');
  }
  checkNames(item, 'a .brpl recording');
  const { name, tags, group, byName, time } = item;
  const points = item.points.map((point) =>
    jsonObject([
      ['fields', jsonFields(point.fields)],
      ['tags', jsonTags(point.tags)],
      ['time', `"${formatTime(point.time)}"`],
    ]),
  );
  return jsonObject([
    ['name', JSON.stringify(name)],
    ['tmax', `"${formatTime(time)}"`],
    ...(group === '' ? [] : [['group', JSON.stringify(group)] as const]),
    ...(byName ? [['byname', 'true'] as const] : []),
    ...(Object.keys(tags).length === 0 ? [] : [['tags', jsonTags(tags)] as const]),
    ...(points.length === 0 ? [] : [['points', `[${points.join(',')}]`] as const]),
  ]);
}

function jsonFields(fields: Fields): string {
  return jsonObject(Object.entries(fields).map(([key, value]) => [key, jsonValue(key, value)]));
}

function jsonValue(key: string, value: FieldValue): string {
  if (typeof value === 'bigint') {
    throw cannot(`the integer ${value} of field "${key}": Kapacitor would read it as a double`);
  }
  if (typeof value !== 'number') return JSON.stringify(value);
  if (Number.isFinite(value)) return jsonNumber(value);
  throw cannot(`${value}, the value of field "${key}"`);
}

function cannot(what: string): UdfError {
  return new UdfError('invalid_argument', `a .brpl recording cannot hold ${what}`);
}

function fieldsOf(value: unknown): Fields {
  const fields: Record<string, FieldValue> = {};
  if (value === undefined || value === null) return fields;
  for (const [key, field] of Object.entries(objectOf(value, 'fields'))) {
    if (key === '') throw malformed('a field has no name');
    if (field === null) continue;
    if (typeof field !== 'number' && typeof field !== 'string' && typeof field !== 'boolean') {
      throw malformed(`field "${key}" is no number, text or boolean: ${shown(field)}`);
    }
    setEntry(fields, key, typeof field === 'number' ? doubleOf(key, field) : field);
  }
  return fields;
}
