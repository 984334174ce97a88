import { messageOf, UdfError } from '../model/errors.js';
import { LazyBatch } from '../wire/lazy-batch.js';
import type { AnyPoint } from '../model/point.js';
import { type Fields, type FieldValue, setEntry } from '../model/values.js';
import { checkNames, type RecordedItem } from './format.js';
import { int64 } from './line-number.js';
import {
  checkKeys,
  doubleOf,
  jsonNumber,
  jsonObject,
  type JsonObject,
  jsonTags,
  listOf,
  nameOf,
  numberTexts,
  objectOf,
  optionalText,
  parseJson,
  shown,
  tagsOf,
  malformed,
} from './json-values.js';
import type { PointMaker } from './point-maker.js';
import { seriesKey } from './local-time.js';
import { type TimeOptions, TimeParser } from './times.js';

const pointKeys = [
  'time',
  'timestamp',
  'name',
  'measurement',
  'tags',
  'fields',
  'database',
  'retentionPolicy',
];
const batchKeys = ['time', 'name', 'measurement', 'tags', 'byName', 'points'];
const batchPointKeys = ['time', 'tags', 'fields'];

/** Parses the times of JSON Lines. */
export class JsonTimes {
  readonly #text: TimeParser;
  readonly #number: TimeParser;

  constructor(options: TimeOptions) {
    this.#text = new TimeParser(options);
    // Telegraf writes seconds unless its `json_timestamp_units` say otherwise.
    this.#number = new TimeParser({ precision: options.precision ?? 's' });
  }

  /** Nanoseconds or a date, as text. */
  time({ time }: JsonObject, seriesOf?: () => string): bigint {
    if (typeof time === 'string') return this.#text.parse(time, seriesOf);
    throw malformed(`time must be text, since a JSON number cannot hold nanoseconds, and is ${shown(time)}`);
  }

  /** Telegraf's `timestamp`, a number; or text, if its `json_timestamp_format` is set. */
  timestamp({ timestamp }: JsonObject, digitsOf: () => string | undefined, seriesOf: () => string): bigint {
    if (typeof timestamp === 'string') return this.#text.parse(timestamp, seriesOf);
    const digits = typeof timestamp === 'number' ? digitsOf() : undefined;
    if (digits === undefined)
      throw malformed(`timestamp must be a number or a date, and is ${shown(timestamp)}`);
    return this.#number.parse(digits);
  }

  /** Warnings for the user about the times parsed so far. */
  get warnings(): readonly string[] {
    return this.#text.warnings;
  }
}

/**
 * Parses a line of JSON Lines: a point, or a batch if it has `points`.
 *
 * `{"time":"1514979051065000000","name":"adsl","tags":{"host":"r1"},"fields":{"state":"up","errors":{"int":"5"}}}`
 *
 * A number is a double. What JSON cannot hold is wrapped: `{"int":"5"}`, `{"double":"NaN"}`. A time is text: nanoseconds,
 * or a date; a point without one gets the time of reading. Telegraf's JSON is read too: its `timestamp` is a number of
 * seconds, and `{"metrics":[…]}`, as it writes its metrics in batches, or a list holds several points. Throws `malformed`.
 */
export function parseJsonLine(text: string, maker: PointMaker, times: JsonTimes): readonly RecordedItem[] {
  const line = parseJson(text);
  if (Array.isArray(line)) return parseList(text, line, 2, maker, times);
  const entry = objectOf(line, 'a line');
  if (entry.metrics === undefined) {
    return [parseItem(entry, maker, times, () => numberTexts(text, 'timestamp', 1)[0])];
  }
  checkKeys(entry, 'it', ['metrics']);
  if (!Array.isArray(entry.metrics))
    throw malformed(`metrics must be a list, and is ${shown(entry.metrics)}`);
  return parseList(text, entry.metrics, 3, maker, times);
}

/** The items of a list whose elements are at a nesting level of the line's JSON. */
function parseList(
  text: string,
  list: readonly unknown[],
  level: number,
  maker: PointMaker,
  times: JsonTimes,
): readonly RecordedItem[] {
  let digits: readonly (string | undefined)[] | undefined;
  return list.map((value, index) => {
    const what = `element ${index + 1} of the list`;
    const entry = objectOf(value, what);
    try {
      return parseItem(entry, maker, times, () => {
        digits ??= numberTexts(text, 'timestamp', level).slice(-list.length); // of two lists the last counts
        return digits[index];
      });
    } catch (cause) {
      throw new UdfError('malformed', `${what}: ${messageOf(cause)}`, { cause });
    }
  });
}

function parseItem(
  entry: JsonObject,
  maker: PointMaker,
  times: JsonTimes,
  digitsOf: () => string | undefined,
): RecordedItem {
  if (entry.name !== undefined && entry.measurement !== undefined)
    throw malformed('it has both name and measurement');
  const name = nameOf(entry.name ?? entry.measurement);
  const tags = tagsOf(entry.tags, 'tags');
  if (entry.points === undefined) {
    checkKeys(entry, 'it', pointKeys);
    if (entry.time !== undefined && entry.timestamp !== undefined)
      throw malformed('it has both time and timestamp');
    const database = optionalText(entry.database, 'database');
    const retentionPolicy = optionalText(entry.retentionPolicy, 'retentionPolicy');
    const fields = fieldsOf(entry.fields);
    const seriesOf = (): string => seriesKey(name, tags, fields);
    const time =
      entry.timestamp !== undefined
        ? times.timestamp(entry, digitsOf, seriesOf)
        : entry.time === undefined
          ? maker.now()
          : times.time(entry, seriesOf);
    return maker.point(name, tags, fields, time, { database, retentionPolicy });
  }
  checkKeys(entry, 'the batch', batchKeys);
  const points = listOf(entry.points).map((value) => {
    const point = objectOf(value, "a batch's point");
    checkKeys(point, "a batch's point", batchPointKeys);
    const [pointTags, fields] = [tagsOf(point.tags, 'tags'), fieldsOf(point.fields)];
    const time = times.time(point, () => seriesKey(name, { ...tags, ...pointTags }, fields));
    return { time, tags: pointTags, fields };
  });
  return maker.batch({ name, tags, byName: entry.byName === true, time: times.time(entry), points });
}

/**
 * Formats a point or a batch as a line of JSON Lines, without the newline. Every value can be held. Throws
 * `invalid_argument` if the name of the item, a tag or a field is empty.
 */
export function formatJsonLine(item: RecordedItem): string {
  checkNames(item, 'JSON Lines');
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

function fieldsOf(value: unknown): Fields {
  const fields: Record<string, FieldValue> = {};
  for (const [key, field] of Object.entries(objectOf(value, 'fields'))) {
    if (key === '') throw malformed('a field has no name');
    // A null field is absent from the point.
    if (field !== null) setEntry(fields, key, fieldOf(key, field));
  }
  return fields;
}

function fieldOf(key: string, value: unknown): FieldValue {
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return doubleOf(key, value);
  const wrapped = objectOf(value, `field "${key}"`);
  const { int, double } = wrapped;
  checkKeys(wrapped, `field "${key}"`, ['int', 'double']);
  if (typeof int === 'string' && double === undefined && /^-?\d+$/.test(int)) {
    const whole = int64(int);
    if (whole !== undefined) return whole;
    throw malformed(`field "${key}" is beyond 64 bits: ${shown(int)}`);
  }
  if (double === 'NaN' || double === 'Infinity' || double === '-Infinity') return Number(double);
  throw malformed(`field "${key}" is no value such as 1.5, "text", true or {"int":"5"}: ${shown(value)}`);
}
