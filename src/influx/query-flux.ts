import { type FluxTableColumn, HttpError, InfluxDB } from '@influxdata/influxdb-client';
import { messageOf, UdfError } from '../model/errors.js';
import { type FieldValue, setEntry } from '../model/values.js';
import { int64Field, type QueriedPoint, unsupportedColumn } from './query-point.js';
import type { InfluxTarget } from './target.js';

/**
 * Yields the points of a Flux query. Columns of the group key are tags.
 *
 * - With `pivot`, a row is a point: each column outside the group key is a field.
 * - Without it, a row (`_field` and `_value`) is a point of one field. InfluxDB sends one series and field after the other,
 *   so times are not in order overall.
 *
 * Throws as `queryInflux` does.
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
  let checked: readonly FluxTableColumn[] | undefined;
  try {
    for await (const { values, tableMeta } of client.getQueryApi(org).iterateRows(query)) {
      const { columns } = tableMeta;
      if (columns !== checked) checkColumns(columns);
      checked = columns;
      const point = pointOf(columns, values);
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
    throw new UdfError(
      'connection',
      `no answer from InfluxDB at ${url}: ${messageOf(reason)}; is it running, and the URL right?`,
      {
        cause: reason,
      },
    );
  }
}

/** Columns that Flux adds to every table. */
const tableColumns = new Set(['result', 'table', '_start', '_stop']);
const fieldTypes = new Set(['string', 'long', 'unsignedLong', 'double', 'boolean']);

/** Throws `malformed` for a column that a point cannot hold, or a missing `_measurement` or `_time`. */
function checkColumns(columns: readonly FluxTableColumn[]): void {
  const labels = columns.map(({ label }) => label);
  for (const required of ['_measurement', '_time']) {
    if (labels.includes(required)) continue;
    throw new UdfError(
      'malformed',
      `the query's rows have no ${required}, and every point of a recording has one`,
    );
  }
  for (const [index, { label, dataType, group }] of columns.entries()) {
    if (labels.indexOf(label) < index) {
      throw unsupportedColumn(
        label,
        'is there twice: a tag and a field have this name; rename() one of them, or leave out pivot()',
      );
    }
    if (tableColumns.has(label) || label === '_time' || group) continue;
    if (labels.includes('_field') && label !== '_value' && dataType !== 'string') {
      throw unsupportedColumn(
        label,
        'stands beside _field and _value, and is no tag; drop() it, or add pivot()',
      );
    }
    if (fieldTypes.has(dataType)) continue;
    throw unsupportedColumn(
      label,
      `has the type ${dataType}, which no field can hold; convert it with string() or int(), or drop() it`,
    );
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
    else if (tableColumns.has(label)) continue;
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
      `a row of the query has no ${lacks}, and every point of a recording has one`,
    );
  }
  // Outside the group key, tags cannot be told from fields; next to `_value`, strings are tags.
  if (field === '') {
    if (value !== undefined) setEntry(fields, '_value', value);
    return Object.keys(fields).length > 0 ? { name, tags, fields, time } : undefined;
  }
  for (const [label, tag] of Object.entries(fields)) if (typeof tag === 'string') setEntry(tags, label, tag);
  if (value === undefined) return undefined;
  const ownField: Record<string, FieldValue> = {};
  setEntry(ownField, field, value);
  return { name, tags, fields: ownField, time };
}

/** Parses a value by its column's type. Empty text is null except in string columns. */
function valueOf({ label, dataType, defaultValue }: FluxTableColumn, raw: string): FieldValue | undefined {
  const text = raw === '' ? defaultValue : raw;
  // The server writes CSV with CRLF, also where a text has a newline.
  if (dataType === 'string') return text.replaceAll('\r\n', '\n');
  if (text === '') return undefined;
  switch (dataType) {
    case 'long':
    case 'unsignedLong':
      return int64Field(label, BigInt(text));
    case 'double':
      return text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text);
    case 'boolean':
      return text === 'true';
    default:
      return text;
  }
}

/** Parses RFC 3339 in UTC, as InfluxDB writes it, to nanoseconds since the epoch; `undefined` if invalid. */
function timeOf(text: string): bigint | undefined {
  const [, seconds, fraction = ''] = /^(.+?)(?:\.(\d{1,9}))?Z$/.exec(text) ?? [];
  const ms = Date.parse(`${seconds}Z`);
  if (Number.isNaN(ms)) return undefined;
  return BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}
