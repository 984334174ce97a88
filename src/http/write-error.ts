/** A failed write to a database over HTTP. */
export class WriteError extends Error {
  override readonly name = 'WriteError';
  /** Whether the same write may succeed later: the server is unreachable, overloaded or failing. */
  readonly temporary: boolean;
  /** The server's `Retry-After`, at most an hour; 0 if absent. */
  readonly retryAfterMs: number;
  /** HTTP status; `undefined` without a response. */
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

/** Whether a request that was answered with this status may succeed later. */
export function isTemporaryStatus(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

/** A longer `Retry-After` date is most likely due to a wrong clock. */
const maxRetryAfterMs = 60 * 60 * 1000;

/** The wait that a `Retry-After` header asks for, in seconds or as a date; 0 if it is absent or invalid. */
export function retryAfterMs(header: unknown): number {
  if (typeof header !== 'string') return 0;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return ms > 0 ? Math.min(ms, maxRetryAfterMs) : 0; // 0 for NaN, an invalid date
}
