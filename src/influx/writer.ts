import { HttpError, InfluxDB, type WriteApi } from '@influxdata/influxdb-client';
import { createRequestDeadline } from '../http/request-deadline.js';
import { isTemporaryStatus, retryAfterMs, WriteError } from '../http/write-error.js';
import { messageOf } from '../model/errors.js';
import { type InfluxTarget, isBucket } from './target.js';

/** A builder of line protocol. */
export { Point as InfluxPoint } from '@influxdata/influxdb-client';

/** Writes line protocol with times in nanoseconds to an InfluxDB of version 1 or 2. */
export interface InfluxWriter {
  /** Sends one request, without retries. Rejects with `WriteError`. */
  write(lines: readonly string[]): Promise<void>;
}

/** Max silence of the server. */
const idleTimeoutMs = 10_000;
/** Max time of a request, for a server that sends an answer without an end. */
const requestTimeoutMs = 60_000;

export interface InfluxWriterOptions {
  /** 60,000 by default. */
  readonly requestTimeoutMs?: number | undefined;
  /** Ends requests. */
  readonly signal?: AbortSignal | undefined;
}

/** Creates a writer, without connecting. Writes go to `/write` (InfluxDB 1.x) or `/api/v2/write` (2.x). */
export function createInfluxWriter(target: InfluxTarget, options: InfluxWriterOptions = {}): InfluxWriter {
  const { url, store, authorization } = target;
  const [org, bucket] = isBucket(store) ? [store.org, store.bucket] : ['', ''];
  // One per write: concurrent writes would share the buffer of a WriteApi.
  const openRequest = (lines: number, signal: AbortSignal): WriteApi => {
    const client = new InfluxDB({
      url,
      timeout: idleTimeoutMs,
      headers: authorization === undefined ? {} : { Authorization: authorization },
      transportOptions: { signal },
    });
    const api = client.getWriteApi(org, bucket, 'ns', {
      // Only `flush` sends, in one request and without retries: callers have their own policy.
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
      const deadline = createRequestDeadline(options.requestTimeoutMs ?? requestTimeoutMs, options.signal);
      try {
        const api = openRequest(lines.length, deadline.signal);
        for (const line of lines) api.writeRecord(line);
        await api.flush();
      } catch (reason) {
        throw writeError(reason);
      } finally {
        deadline.release();
      }
    },
  };
}

function writeError(reason: unknown): WriteError {
  if (!(reason instanceof HttpError))
    return new WriteError(messageOf(reason), true, 0, undefined, { cause: reason });
  const { statusCode } = reason;
  const body = reason.json as { readonly error?: unknown; readonly message?: unknown } | undefined;
  const detail = body?.error ?? body?.message ?? reason.body ?? reason.statusMessage;
  const message = `HTTP ${statusCode}: ${withRemedy(typeof detail === 'string' ? detail.trim() : '')}`;
  // InfluxDB 1.x answers 500 for an unknown retention policy, which is not temporary.
  const isPermanent = message.includes('retention policy not found');
  const temporary = !isPermanent && isTemporaryStatus(statusCode);
  return new WriteError(message, temporary, retryAfterMs(reason.headers?.['retry-after']), statusCode, {
    cause: reason,
  });
}

/** Adds the remedy for a missing database, which InfluxDB 1.x does not create on writes. */
function withRemedy(message: string): string {
  const name = /^database not found: (".*")$/.exec(message)?.[1];
  return name === undefined ? message : `${message}; create it: influx -execute 'CREATE DATABASE ${name}'`;
}
