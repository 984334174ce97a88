import { type FluxTableColumn, HttpError, InfluxDB } from '@influxdata/influxdb-client';
import { messageOf, UdfError } from '../model/errors.js';
import { type FieldValue, setEntry } from '../model/values.js';
import type { QueriedPoint } from './query-point.js';
import type { InfluxTarget } from './target.js';

/**
 * The points of a Flux query: a row with `_field` and `_value` is a point of one field; without them (after `pivot`) each
 * column outside the group key is a field. Columns of the group key are tags.
 */
export async function* queryFlux(
  target: InfluxTarget,
  org: string,
  query: string,
): AsyncGenerator<QueriedPoint> {
  const { url, authorization } = target;
  const client = new InfluxDB({
    url,
    headers: authorization === undefined ? {} : { Authorization: authorization },
  });
  try {
    for await (const { values, tableMeta } of client.getQueryApi(org).iterateRows(query)) {
      const point = pointOf(tableMeta.columns, values);
      if (point) yield point;
    }
  } catch (reason) {
    if (reason instanceof UdfError) throw reason;
    if (reason instanceof HttpError) {
      const hint = reason.statusCode === 401 ? '; give INFLUX_TOKEN in the environment' : '';
      throw new UdfError('refused', `InfluxDB refused the query: ${reason.message}${hint}`, {
        cause: reason,
      });
    }
    throw new UdfError('connection', `no answer from InfluxDB at ${url}: ${messageOf(reason)}`, {
      cause: reason,
    });
  }
}

function pointOf(columns: readonly FluxTableColumn[], values: readonly string[]): QueriedPoint | undefined {
  const tags: Record<string, string> = {};
  const fields: Record<string, FieldValue> = {};
  let [name, field] = ['', ''];
  let time: bigint | undefined;
  let value: FieldValue | undefined;
  for (const column of columns) {
    const text = values[column.index] ?? '';
    const { label } = column;
    if (label === '_time') time = timeOf(text);
    else if (label === '_measurement') name = text;
    else if (label === '_field') field = text;
    else if (label === '_value') value = valueOf(column, text);
    else if (label === 'result' || label === 'table' || label === '_start' || label === '_stop') continue;
    else if (column.group) {
      if (text !== '') setEntry(tags, label, text);
    } else {
      const other = valueOf(column, text);
      if (other !== undefined) setEntry(fields, label, other);
    }
  }
  if (time === undefined || name === '') {
    const lacks = name === '' ? '_measurement' : '_time';
    throw new UdfError(
      'malformed',
      `the query's rows have no ${lacks}; a recording is made of points, which have one`,
    );
  }
  // Without the group key there is no telling tags from fields; beside `_value` texts are tags.
  if (field === '') {
    if (value !== undefined) setEntry(fields, '_value', value);
    return Object.keys(fields).length > 0 ? { name, tags, fields, time } : undefined;
  }
  for (const [label, tag] of Object.entries(fields)) if (typeof tag === 'string') setEntry(tags, label, tag);
  if (value === undefined) return undefined;
  const only: Record<string, FieldValue> = {};
  setEntry(only, field, value);
  return { name, tags, fields: only, time };
}

/** A value by its column's type; an empty text stands for null in all types but that of texts. */
function valueOf({ label, dataType, defaultValue }: FluxTableColumn, given: string): FieldValue | undefined {
  const text = given === '' ? defaultValue : given;
  if (dataType === 'string') return text;
  if (text === '') return undefined;
  switch (dataType) {
    case 'long':
      return BigInt(text);
    case 'unsignedLong': {
      const value = BigInt(text);
      if (value < 2n ** 63n) return value;
      throw new UdfError(
        'malformed',
        `column ${label} holds ${text}: beyond what an integer of Kapacitor can be`,
      );
    }
    case 'double':
      return text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text);
    case 'boolean':
      return text === 'true';
    default:
      return text;
  }
}

/** Nanoseconds since the epoch of a time in RFC 3339 in UTC, as InfluxDB writes it. */
function timeOf(text: string): bigint | undefined {
  const [, seconds, fraction = ''] = /^(.+?)(?:\.(\d{1,9}))?Z$/.exec(text) ?? [];
  const ms = Date.parse(`${seconds}Z`);
  if (Number.isNaN(ms)) return undefined;
  return BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}
