import { LazyBatch } from '../wire/lazy-batch.js';
import type { AnyPoint } from '../model/point.js';
import { type Fields, type FieldValue, setEntry } from '../model/values.js';
import type { RecordedItem } from './format.js';
import {
  jsonNumber,
  jsonObject,
  type JsonObject,
  jsonTags,
  listOf,
  objectOf,
  optionalText,
  parseObject,
  shown,
  tagsOf,
  textOf,
  wrong,
} from './json-values.js';
import type { PointMaker } from './point-maker.js';
import { parseTime } from './times.js';

/**
 * A line of JSON Lines: a point, or a batch if it has `points`.
 *
 * `{"time":"1514979051065000000","name":"adsl","tags":{"host":"r1"},"fields":{"state":"up","errors":{"int":"5"}}}`
 *
 * A number is a double. What JSON has no way for is wrapped: `{"int":"5"}`, `{"double":"NaN"}`. A time is text:
 * nanoseconds, or a date; a point without one has that of its reading. Throws `malformed`.
 */
export function parseJsonLine(text: string, maker: PointMaker): RecordedItem {
  const entry = parseObject(text);
  const name = textOf(entry.name ?? entry.measurement, 'name');
  const tags = tagsOf(entry.tags, 'tags');
  if (entry.points === undefined) {
    if (name === '') throw wrong('it has no name');
    const database = optionalText(entry.database, 'database');
    const retentionPolicy = optionalText(entry.retentionPolicy, 'retentionPolicy');
    const time = entry.time === undefined ? maker.now() : timeOf(entry);
    return maker.point(name, tags, fieldsOf(entry.fields), time, { database, retentionPolicy });
  }
  const points = listOf(entry.points).map((value) => {
    const point = objectOf(value, "a batch's point");
    return { time: timeOf(point), tags: tagsOf(point.tags, 'tags'), fields: fieldsOf(point.fields) };
  });
  return maker.batch({ name, tags, byName: entry.byName === true, time: timeOf(entry), points });
}

/** A point or a batch as such a line, without the newline. Every value has a way. */
export function formatJsonLine(item: RecordedItem): string {
  if (item instanceof LazyBatch) {
    const { name, tags, time, byName, points } = item;
    return jsonObject([
      ['time', `"${time}"`],
      ['name', JSON.stringify(name)],
      ['tags', jsonTags(tags)],
      ...(byName ? [['byName', 'true'] as const] : []),
      ['points', `[${points.map((point) => jsonObject(members(point))).join(',')}]`],
    ]);
  }
  const { name, database, retentionPolicy } = item;
  const [time, ...rest] = members(item);
  return jsonObject([
    time!,
    ['name', JSON.stringify(name)],
    ...rest,
    ...(database === '' ? [] : [['database', JSON.stringify(database)] as const]),
    ...(retentionPolicy === '' ? [] : [['retentionPolicy', JSON.stringify(retentionPolicy)] as const]),
  ]);
}

function members({ time, tags, fields }: AnyPoint): (readonly [string, string])[] {
  const values = Object.entries(fields).map(([key, value]) => [key, jsonValue(value)] as const);
  return [
    ['time', `"${time}"`],
    ['tags', jsonTags(tags)],
    ['fields', jsonObject(values)],
  ];
}

function jsonValue(value: FieldValue): string {
  if (typeof value === 'bigint') return `{"int":"${value}"}`;
  if (typeof value === 'number') return Number.isFinite(value) ? jsonNumber(value) : `{"double":"${value}"}`;
  return JSON.stringify(value);
}

function timeOf({ time }: JsonObject): bigint {
  if (typeof time === 'string') return parseTime(time);
  throw wrong(`time must be text, since a JSON number cannot hold nanoseconds, and is ${shown(time)}`);
}

function fieldsOf(value: unknown): Fields {
  const fields: Record<string, FieldValue> = {};
  for (const [key, field] of Object.entries(objectOf(value, 'fields'))) {
    // A field that is null is one that the point does not have.
    if (field !== null) setEntry(fields, key, fieldOf(key, field));
  }
  return fields;
}

function fieldOf(key: string, value: unknown): FieldValue {
  if (typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean') return value;
  const { int, double } = objectOf(value, `field "${key}"`);
  if (typeof int === 'string' && /^-?\d{1,20}$/.test(int)) {
    const whole = BigInt(int);
    if (BigInt.asIntN(64, whole) === whole) return whole;
  }
  if (double === 'NaN' || double === 'Infinity' || double === '-Infinity') return Number(double);
  throw wrong(`field "${key}" is no value such as 1.5, "text", true or {"int":"5"}: ${shown(value)}`);
}
