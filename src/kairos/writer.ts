import { STATUS_CODES } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { createRequestDeadline } from '../http/request-deadline.js';
import { readText } from '../http/read-text.js';
import { isTemporaryStatus, retryAfterMs, WriteError } from '../http/write-error.js';
import { messageOf, UdfError } from '../model/errors.js';
import { type DataPoint, DataPointConverter } from './data-points.js';
import type { KairosTarget } from './target.js';

/** A line that cannot be stored as it is, or that KairosDB refused. */
export interface RefusedLine {
  /** In the lines of the write. */
  readonly index: number;
  readonly reason: string;
}

/** Writes line protocol with times in nanoseconds to a KairosDB. */
export interface KairosWriter {
  /**
   * Writes lines, without retries, in as many requests as the limits need. Resolves to the lines that were refused, in order:
   * a line with several fields if any of its data points was. Rejects with `WriteError` if any line may not have arrived.
   */
  write(lines: readonly string[]): Promise<readonly RefusedLine[]>;
}

export interface KairosWriterOptions {
  /** Max data points of a request; 10,000 by default. */
  readonly maxRequestPoints?: number | undefined;
  /** Max bytes of a request's JSON before compression, 4 MiB by default; a larger data point is sent alone. */
  readonly maxRequestBytes?: number | undefined;
  /** Ends requests. */
  readonly signal?: AbortSignal | undefined;
}

const requestTimeoutMs = 60_000;
/** Room for an error about each data point of a request. */
const maxAnswerBytes = 16 * 1024 * 1024;
/** Max characters of an error that are passed on. */
const maxErrorLength = 1_000;
const compress = promisify(gzip);

/** A data point of a line. */
interface Item extends DataPoint {
  readonly line: number;
}

/** Creates a writer, without connecting. Writes go to `/api/v1/datapoints`. */
export function createKairosWriter(target: KairosTarget, options: KairosWriterOptions = {}): KairosWriter {
  const converter = new DataPointConverter(target);
  return {
    async write(lines) {
      const reasons = new Map<number, string[]>();
      const items: Item[] = [];
      lines.forEach((text, line) => {
        try {
          for (const point of converter.convert(text)) items.push({ ...point, line });
        } catch (reason) {
          if (!(reason instanceof UdfError)) throw reason;
          reasons.set(line, [reason.message]);
        }
      });
      for (const request of requestsOf(items, options)) {
        for (const { line, reason } of await send(target, request, options.signal)) {
          const ofLine = reasons.get(line);
          if (ofLine) ofLine.push(reason);
          else reasons.set(line, [reason]);
        }
      }
      return [...reasons]
        .map(([index, all]) => ({ index, reason: [...new Set(all)].join('; ') }))
        .sort((a, b) => a.index - b.index);
    },
  };
}

function* requestsOf(
  items: readonly Item[],
  { maxRequestPoints = 10_000, maxRequestBytes = 4 * 1024 * 1024 }: KairosWriterOptions,
): Generator<readonly Item[]> {
  let start = 0;
  let bytes = 0;
  for (const [index, { json }] of items.entries()) {
    const size = Buffer.byteLength(json) + 1;
    if (index > start && (index - start >= maxRequestPoints || bytes + size > maxRequestBytes)) {
      yield items.slice(start, index);
      start = index;
      bytes = 0;
    }
    bytes += size;
  }
  if (start < items.length) yield items.slice(start);
}

/** Resolves to what KairosDB refused of a request; the rest has arrived. Rejects with `WriteError`. */
async function send(
  { url, authorization }: KairosTarget,
  items: readonly Item[],
  signal: AbortSignal | undefined,
): Promise<Refusal[]> {
  const body = await compress(`[${items.map(({ json }) => json).join(',')}]`);
  let status: number;
  let retryAfter: string | null;
  let text: string;
  const deadline = createRequestDeadline(requestTimeoutMs, signal);
  try {
    const response = await fetch(`${url}/api/v1/datapoints`, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        'Content-Encoding': 'gzip',
        ...(authorization !== undefined && { Authorization: authorization }),
      },
      body,
      redirect: 'manual',
      signal: deadline.signal,
    });
    ({ status } = response);
    retryAfter = response.headers.get('retry-after');
    ({ text } = await readText(response, maxAnswerBytes));
  } catch (reason) {
    const cause = reason instanceof Error && reason.cause !== undefined ? reason.cause : reason;
    throw new WriteError(messageOf(cause), true, 0, undefined, { cause: reason });
  } finally {
    deadline.release();
  }
  if (status === 204) return [];
  const errors = errorsIn(text);
  const refusals = status === 400 && errors ? refusalsOf(errors, items) : undefined;
  if (refusals) return refusals;
  const message = `HTTP ${status}: ${explained(status, errors && shortened(errors.join('; ')))}`;
  throw new WriteError(message, isTemporaryStatus(status), retryAfterMs(retryAfter), status);
}

/** The messages of `{"errors":[…]}`; `undefined` if the text is no such answer. */
function errorsIn(text: string): readonly string[] | undefined {
  try {
    const errors = (JSON.parse(text) as { readonly errors?: unknown } | null)?.errors; // checked below
    const isList = Array.isArray(errors) && errors.length > 0;
    return isList && errors.every((error) => typeof error === 'string') ? errors : undefined;
  } catch {
    return undefined;
  }
}

/** Why a data point of a line was refused. */
interface Refusal {
  readonly line: number;
  readonly reason: string;
}

/**
 * KairosDB stores the valid data points of a request and says of each other one `metric[INDEX](name=NAME).WHAT IS WRONG`. An error
 * without an index may have ended the reading of the request: `undefined`, since what has arrived is then unknown.
 */
function refusalsOf(errors: readonly string[], items: readonly Item[]): Refusal[] | undefined {
  const refusals: Refusal[] = [];
  for (const error of errors) {
    const [place, index] = /^metric\[(\d+)\]/.exec(error) ?? [];
    const item = place === undefined ? undefined : items[Number(index)];
    if (place === undefined || item === undefined) return undefined;
    const named = `(name=${item.metric})`;
    const rest = error.slice(place.length);
    const problem = (rest.startsWith(named) ? rest.slice(named.length) : rest).replace(/^[. ]|\.$/g, '');
    const remedy = problem.startsWith('tags count')
      ? '; give all points a tag by ?tag=NAME=VALUE in the URL'
      : '';
    refusals.push({ line: item.line, reason: `HTTP 400: ${item.metric}: ${shortened(problem)}${remedy}` });
  }
  return refusals;
}

function explained(status: number, errors: string | undefined): string {
  if (status === 401) return 'KairosDB wants credentials; set KAIROSDB_USERNAME and KAIROSDB_PASSWORD';
  if (errors !== undefined) return errors;
  // A proxy in front of KairosDB answers these by itself.
  const isOfProxy = status === 403 || status === 413 || isTemporaryStatus(status);
  const text = STATUS_CODES[status];
  return isOfProxy && text !== undefined ? text : 'this is no answer of a KairosDB; check the URL';
}

function shortened(error: string): string {
  return error.length <= maxErrorLength ? error : `${error.slice(0, maxErrorLength)} …`;
}
