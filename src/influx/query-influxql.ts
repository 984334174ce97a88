import { messageOf, UdfError } from '../model/errors.js';
import { type FieldValue, setEntry, type Tags } from '../model/values.js';
import type { QueriedPoint } from './query-point.js';
import { type Packed, unpack } from './query-msgpack.js';
import type { InfluxTarget } from './target.js';

interface Place {
  readonly database: string;
  readonly retentionPolicy: string;
}

/** A part of the answer, as the server promises it. */
interface Series {
  readonly name: string;
  readonly tags?: Tags;
  readonly columns: readonly string[];
  readonly values?: readonly (readonly Packed[])[];
}

const rowsAtOnce = 1_000;

/**
 * The points of an InfluxQL query. They come as MessagePack, which keeps integers and floats apart; JSON does not. A
 * column is a tag if the measurement has a tag of that name.
 */
export async function* queryInfluxQl(
  target: InfluxTarget,
  place: Place,
  query: string,
): AsyncGenerator<QueriedPoint> {
  const tagKeys = new Map<string, ReadonlySet<string>>();
  for await (const series of answerOf(target, place, query)) {
    let keys = tagKeys.get(series.name);
    if (!keys) tagKeys.set(series.name, (keys = await tagKeysOf(target, place, series.name)));
    yield* pointsOf(series, keys);
  }
}

function* pointsOf(series: Series, tagKeys: ReadonlySet<string>): Generator<QueriedPoint> {
  const { name, tags: grouped = {}, columns, values = [] } = series;
  for (const row of values) {
    const tags: Record<string, string> = {};
    for (const [key, value] of Object.entries(grouped)) if (value !== '') setEntry(tags, key, value);
    const fields: Record<string, FieldValue> = {};
    let time: Packed = null;
    columns.forEach((column, index) => {
      const value = row[index] ?? null;
      if (column === 'time') time ??= value;
      else if (value === null || typeof value === 'object') return;
      else if (typeof value === 'string' && tagKeys.has(column)) setEntry(tags, column, value);
      else setEntry(fields, column, value);
    });
    if (typeof time !== 'bigint') {
      throw new UdfError(
        'malformed',
        `"${name}" has rows without a time; a recording is made of points, which have one`,
      );
    }
    if (Object.keys(fields).length > 0) yield { name, tags, fields, time };
  }
}

async function tagKeysOf(target: InfluxTarget, place: Place, name: string): Promise<ReadonlySet<string>> {
  const keys = new Set<string>();
  const quoted = `"${name.replace(/["\\]/g, '\\$&').replaceAll('\n', '\\n')}"`;
  for await (const { values = [] } of answerOf(target, place, `SHOW TAG KEYS FROM ${quoted}`)) {
    for (const [key] of values) if (typeof key === 'string') keys.add(key);
  }
  return keys;
}

async function* answerOf(target: InfluxTarget, place: Place, query: string): AsyncGenerator<Series> {
  const { url, authorization } = target;
  const parameters = new URLSearchParams({
    ...{ db: place.database, ...(place.retentionPolicy !== '' && { rp: place.retentionPolicy }) },
    ...{ epoch: 'ns', chunked: 'true', chunk_size: String(rowsAtOnce), q: query },
  });
  const leave = new AbortController();
  try {
    const response = await fetch(`${url}/query`, {
      method: 'POST',
      body: parameters,
      headers: { accept: packedType, ...(authorization !== undefined && { authorization }) },
      signal: leave.signal,
    });
    const type = response.headers.get('content-type');
    if (type !== packedType || !response.body) throw await refusal(response, type);
    for await (const answer of unpack(response.body)) yield* seriesOf(answer as Answer, response.status);
  } catch (cause) {
    if (cause instanceof UdfError) throw cause;
    const why = messageOf(cause instanceof Error && cause.cause ? cause.cause : cause);
    throw new UdfError('connection', `no answer from InfluxDB at ${url}: ${why}`, { cause });
  } finally {
    leave.abort(); // whoever has seen enough does not make the server send the rest
  }
}

const packedType = 'application/x-msgpack';

interface Answer {
  readonly error?: string;
  readonly results?: readonly { readonly error?: string; readonly series?: readonly Series[] }[];
}

function* seriesOf({ error, results = [] }: Answer, status: number): Generator<Series> {
  if (error !== undefined) throw refused(error, status);
  for (const result of results) {
    if (result.error !== undefined) throw refused(result.error, status);
    yield* result.series ?? [];
  }
}

function refused(reason: string, status: number): UdfError {
  const hint =
    status === 401 ? '; give INFLUX_USERNAME and INFLUX_PASSWORD, or INFLUX_TOKEN, in the environment' : '';
  return new UdfError('refused', `InfluxDB refused the query: ${reason}${hint}`);
}

/** What a server says that does not answer as it was asked to. */
async function refusal(response: Response, type: string | null): Promise<UdfError> {
  const text = (await response.text()).trim().slice(0, 1_000);
  if (response.status < 400) {
    return new UdfError(
      'refused',
      `InfluxDB at ${response.url} answers in ${type ?? 'nothing'}, not in ${packedType}; it takes version 1.4 or newer`,
    );
  }
  return refused(`${text} (HTTP ${response.status})`, response.status);
}
