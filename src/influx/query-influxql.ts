import { readText } from '../http/read-text.js';
import { messageOf, UdfError } from '../model/errors.js';
import { type FieldValue, setEntry, type Tags } from '../model/values.js';
import { type MsgpackValue, decodeMsgpack } from './msgpack.js';
import { int64Field, type QueriedPoint, unsupportedColumn } from './query-point.js';
import { splitStatements } from './query-read-only.js';
import type { InfluxDatabase, InfluxTarget } from './target.js';

/** Rows of one measurement, or of one group (GROUP BY) of it. */
interface ResponseSeries {
  readonly name: string;
  readonly tags?: Tags;
  readonly columns: readonly string[];
  readonly values?: readonly (readonly MsgpackValue[])[];
}

/** One value of a chunked response. */
interface ResponseChunk {
  readonly error?: string;
  readonly results?: readonly { readonly error?: string; readonly series?: readonly ResponseSeries[] }[];
}

const rowsPerChunk = 1_000;
const msgpackType = 'application/x-msgpack';

/**
 * Yields the points of an InfluxQL query. The response is MessagePack, which unlike JSON distinguishes integers from floats.
 *
 * A string column is a tag if the measurement has a tag of that name. If it also has a field of that name, only the
 * columns of `SELECT *` are unambiguous; any other query throws `malformed`. Otherwise throws as `queryInflux` does.
 */
export async function* queryInfluxQl(
  target: InfluxTarget,
  database: InfluxDatabase,
  query: string,
): AsyncGenerator<QueriedPoint> {
  const measurements = new Map<string, Measurement>();
  const isWildcard = selectsAll(query);
  for await (const series of seriesOf(target, database, query)) {
    let measurement = measurements.get(series.name);
    if (!measurement) {
      measurement = new Measurement(target, database, series.name);
      measurements.set(series.name, measurement);
    }
    const { columns, tags = {} } = series;
    const roles = isWildcard
      ? await wildcardRoles(columns, tags, measurement)
      : await namedRoles(columns, measurement);
    yield* pointsOf(series, roles);
  }
}

/** Whether every statement is a `SELECT *` on measurements: InfluxDB then determines the names and order of columns. */
function selectsAll(query: string): boolean {
  return splitStatements(query).every(
    (statement) => /^\s*select\s+\*\s+from\b/i.test(statement) && !/\(\s*select\b/i.test(statement),
  );
}

/** Queries the tag and field keys of a measurement, at most once each. */
class Measurement {
  readonly name: string;
  readonly #queryKeys: (kind: 'TAG' | 'FIELD') => Promise<ReadonlySet<string>>;
  #tagKeys: Promise<ReadonlySet<string>> | undefined;
  #fieldKeys: Promise<ReadonlySet<string>> | undefined;

  constructor(target: InfluxTarget, database: InfluxDatabase, name: string) {
    this.name = name;
    const quoted = `"${name.replace(/["\\]/g, '\\$&').replaceAll('\n', '\\n')}"`;
    this.#queryKeys = async (kind) => {
      const keys = new Set<string>();
      for await (const { values = [] } of seriesOf(target, database, `SHOW ${kind} KEYS FROM ${quoted}`)) {
        for (const [key] of values) if (typeof key === 'string') keys.add(key);
      }
      return keys;
    };
  }

  tagKeys(): Promise<ReadonlySet<string>> {
    return (this.#tagKeys ??= this.#queryKeys('TAG'));
  }

  fieldKeys(): Promise<ReadonlySet<string>> {
    return (this.#fieldKeys ??= this.#queryKeys('FIELD'));
  }
}

/** What a column contains, and the name of its tag or field. */
interface ColumnRole {
  readonly kind: 'time' | 'tag' | 'field' | 'ambiguous';
  readonly name: string;
}

/**
 * Roles of the columns of `SELECT *`. InfluxDB sorts them by name; if a field and a tag share it, the field comes first and
 * the tag gets the suffix `_1`. Tags in GROUP BY are not columns.
 */
async function wildcardRoles(
  columns: readonly string[],
  groupTags: Tags,
  measurement: Measurement,
): Promise<ColumnRole[]> {
  const tagKeys = await measurement.tagKeys();
  const roles: ColumnRole[] = [];
  for (let index = 0; index < columns.length; index++) {
    const name = columns[index]!; // index < length
    const suffixed = `${name}_1`;
    const isTag = tagKeys.has(name) && !Object.hasOwn(groupTags, name);
    if (isTag && columns[index + 1] === suffixed) {
      const fieldKeys = await measurement.fieldKeys();
      const isKey = tagKeys.has(suffixed) || fieldKeys.has(suffixed);
      if (columns[index + 2] === `${suffixed}_1` || (fieldKeys.has(name) && isKey)) {
        roles.push({ kind: 'ambiguous', name }, { kind: 'ambiguous', name });
        index++;
        continue;
      }
      if (fieldKeys.has(name) || !isKey) {
        roles.push({ kind: 'field', name }, { kind: 'tag', name });
        index++;
        continue;
      }
    }
    roles.push({ kind: name === 'time' ? 'time' : isTag ? 'tag' : 'field', name });
  }
  return roles;
}

/** Roles of the columns of other queries: a name of both a tag and a field is ambiguous, also with the suffix `_1`. */
async function namedRoles(columns: readonly string[], measurement: Measurement): Promise<ColumnRole[]> {
  const tagKeys = await measurement.tagKeys();
  const roles: ColumnRole[] = [];
  for (const name of columns) {
    const base = tagKeys.has(name) ? name : name.replace(/_\d+$/, '');
    if (name === 'time') roles.push({ kind: 'time', name });
    else if (!tagKeys.has(base)) roles.push({ kind: 'field', name });
    else if ((await measurement.fieldKeys()).has(base)) roles.push({ kind: 'ambiguous', name: base });
    else roles.push({ kind: base === name ? 'tag' : 'field', name });
  }
  return roles;
}

function* pointsOf(series: ResponseSeries, roles: readonly ColumnRole[]): Generator<QueriedPoint> {
  const { name, tags: groupTags = {}, columns, values = [] } = series;
  for (const row of values) {
    const tags: Record<string, string> = {};
    for (const [key, value] of Object.entries(groupTags)) if (value !== '') setEntry(tags, key, value);
    const fields: Record<string, FieldValue> = {};
    let time: MsgpackValue = null;
    for (const [index, role] of roles.entries()) {
      const value = row[index] ?? null;
      if (value === null) continue;
      if (role.kind === 'time') time ??= value;
      else if (role.kind === 'tag' && typeof value === 'string') setEntry(tags, role.name, value);
      else if (role.kind === 'ambiguous' && typeof value === 'string') throw ambiguous(role.name, name);
      else
        setEntry(
          fields,
          role.kind === 'field' ? role.name : columns[index]!,
          fieldValue(columns[index]!, value),
        );
    }
    if (typeof time !== 'bigint') {
      throw new UdfError(
        'malformed',
        `"${name}" has rows without a time, and every point of a recording has one`,
      );
    }
    if (Object.keys(fields).length > 0) yield { name, tags, fields, time };
  }
}

function ambiguous(key: string, measurement: string): UdfError {
  return new UdfError(
    'malformed',
    `"${key}" is ambiguous, as "${measurement}" has a tag and a field of that name; SELECT * FROM "${measurement}" ` +
      'keeps them apart, unless it also has a key with the suffix _1',
  );
}

function fieldValue(column: string, value: Exclude<MsgpackValue, null>): FieldValue {
  if (typeof value === 'object')
    throw unsupportedColumn(column, 'holds a list or an object, which no field can hold');
  return typeof value === 'bigint' ? int64Field(column, value) : value;
}

async function* seriesOf(
  { url, authorization }: InfluxTarget,
  { database, retentionPolicy }: InfluxDatabase,
  query: string,
): AsyncGenerator<ResponseSeries> {
  const parameters = new URLSearchParams({
    db: database,
    ...(retentionPolicy !== '' && { rp: retentionPolicy }),
    epoch: 'ns',
    chunked: 'true',
    chunk_size: String(rowsPerChunk),
    q: query,
  });
  const abort = new AbortController();
  try {
    const response = await fetch(`${url}/query`, {
      method: 'POST',
      body: parameters,
      headers: { accept: msgpackType, ...(authorization !== undefined && { authorization }) },
      signal: abort.signal,
    });
    const type = response.headers.get('content-type');
    if (type !== msgpackType || !response.body) throw await unexpectedResponse(response, type);
    for await (const chunk of decodeMsgpack(response.body)) {
      yield* seriesOfChunk(chunk as ResponseChunk, response.status); // InfluxDB's documented format
    }
  } catch (cause) {
    if (cause instanceof UdfError) throw cause;
    const reason = messageOf(cause instanceof Error && cause.cause ? cause.cause : cause);
    throw new UdfError(
      'connection',
      `no answer from InfluxDB at ${url}: ${reason}; is it running, and the URL right?`,
      { cause },
    );
  } finally {
    abort.abort(); // stops the response if the caller stops early
  }
}

function* seriesOfChunk({ error, results = [] }: ResponseChunk, status: number): Generator<ResponseSeries> {
  if (error !== undefined) throw refusal(error, status);
  for (const result of results) {
    if (result.error !== undefined) throw refusal(result.error, status);
    yield* result.series ?? [];
  }
}

function refusal(reason: string, status: number): UdfError {
  const hint =
    status === 401 ? '; give INFLUX_USERNAME and INFLUX_PASSWORD, or INFLUX_TOKEN, in the environment' : '';
  return new UdfError('refused', `InfluxDB refused the query: ${reason}${hint}`);
}

/** The error for a response that is not MessagePack. */
async function unexpectedResponse(response: Response, type: string | null): Promise<UdfError> {
  const text = (await readText(response, 1_000)).text.trim();
  if (response.status < 400) {
    return new UdfError(
      'refused',
      `InfluxDB at ${response.url} answers in ${type ?? 'nothing'}, not in ${msgpackType}; it takes version 1.4 or newer`,
    );
  }
  return refusal(`${text} (HTTP ${response.status})`, response.status);
}
