import { HttpError, InfluxDB, type WriteApi } from '@influxdata/influxdb-client';
import { messageOf } from '../model/errors.js';
import { type InfluxTarget, isBucket } from './target.js';

/** Builds a line of line protocol. */
export { Point as InfluxPoint } from '@influxdata/influxdb-client';

/** Why a write did not arrive. */
export class InfluxWriteError extends Error {
  override readonly name = 'InfluxWriteError';
  /** Whether the same write may succeed later: the server is away, overloaded or failing. */
  readonly temporary: boolean;
  /** How long the server asks to be left alone, in milliseconds, an hour at most; 0 if it does not say. */
  readonly retryAfterMs: number;
  /** HTTP's; undefined if there was no answer. */
  readonly statusCode: number | undefined;

  constructor(
    message: string,
    temporary: boolean,
    retryAfterMs: number,
    statusCode: number | undefined,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.statusCode = statusCode;
    this.temporary = temporary;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Writes line protocol with times in nanoseconds to an InfluxDB of version 1 or 2. */
export interface InfluxWriter {
  /** One request, not tried again. Throws `InfluxWriteError`. */
  write(lines: readonly string[]): Promise<void>;
}

const timeoutMs = 10_000;

/** Version 1 answers a write to a part of the API that version 2 has no more, so the path depends on the target. */
export function createInfluxWriter(target: InfluxTarget): InfluxWriter {
  const { url, store, authorization } = target;
  const client = new InfluxDB({
    url,
    timeout: timeoutMs,
    headers: authorization === undefined ? {} : { Authorization: authorization },
  });
  const [org, bucket] = isBucket(store) ? [store.org, store.bucket] : ['', ''];
  // One for each write: a client's writer has one buffer, and two writes at a time would mingle in it.
  const openRequest = (lines: number): WriteApi => {
    const api = client.getWriteApi(org, bucket, 'ns', {
      // Sent by `flush` alone, whole, and once: those who write know best what to do next.
      batchSize: lines + 1,
      maxBatchBytes: Number.MAX_SAFE_INTEGER,
      flushInterval: 0,
      maxRetries: 0,
      gzipThreshold: 1024,
      writeFailed: (error) => Promise.reject(error),
    });
    if (!isBucket(store)) {
      const { database: db, retentionPolicy: rp } = store;
      api.path = `/write?${new URLSearchParams({ db, ...(rp !== '' && { rp }), precision: 'ns' }).toString()}`;
    }
    return api;
  };
  return {
    async write(lines) {
      try {
        const api = openRequest(lines.length);
        for (const line of lines) api.writeRecord(line);
        await api.flush();
      } catch (reason) {
        throw writeError(reason);
      }
    },
  };
}

function writeError(reason: unknown): InfluxWriteError {
  if (!(reason instanceof HttpError))
    return new InfluxWriteError(messageOf(reason), true, 0, undefined, { cause: reason });
  const { statusCode } = reason;
  const body = reason.json as { readonly error?: unknown; readonly message?: unknown } | undefined;
  const said = body?.error ?? body?.message ?? reason.body ?? reason.statusMessage;
  const message = `HTTP ${statusCode}: ${withRemedy(typeof said === 'string' ? said.trim() : '')}`;
  // Version 1 answers with 500 to a retention policy that there is not, as if it could not say.
  const never = message.includes('retention policy not found');
  const temporary = !never && (statusCode === 408 || statusCode === 429 || statusCode >= 500);
  return new InfluxWriteError(message, temporary, retryAfterMs(reason), statusCode, { cause: reason });
}

/** A server that asks for more is asked again all the same: its clock, or ours, may be wrong by years. */
const maxRetryAfterMs = 60 * 60 * 1000;

/** Version 1 makes no database by itself. */
function withRemedy(said: string): string {
  const name = /^database not found: (".*")$/.exec(said)?.[1];
  return name === undefined ? said : `${said}; create it: influx -execute 'CREATE DATABASE ${name}'`;
}

/** The server's `Retry-After`: seconds, or a date. */
function retryAfterMs({ headers }: HttpError): number {
  const value = headers?.['retry-after'];
  if (typeof value !== 'string') return 0;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return ms > 0 ? Math.min(ms, maxRetryAfterMs) : 0; // not so for NaN either: a date that is none
}
