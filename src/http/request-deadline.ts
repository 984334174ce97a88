/** Ends a request after a time, or when another signal aborts. */
export interface RequestDeadline {
  readonly signal: AbortSignal;
  /** Call it when the request has ended. */
  release(): void;
}

/** `AbortSignal.any` would keep a reaction on a long-lived signal for each request. */
export function createRequestDeadline(timeoutMs: number, signal?: AbortSignal): RequestDeadline {
  const deadline = new AbortController();
  const timer = setTimeout(() => {
    deadline.abort(new DOMException(`no complete answer within ${timeoutMs / 1_000} s`, 'TimeoutError'));
  }, timeoutMs);
  const onAbort = (): void => {
    deadline.abort(signal?.reason);
  };
  if (signal?.aborted) onAbort();
  else signal?.addEventListener('abort', onAbort);
  return {
    signal: deadline.signal,
    release() {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    },
  };
}

/** A signal that aborts a time after another one. */
export function abortLater(signal: AbortSignal, ms: number): AbortSignal {
  const later = new AbortController();
  const start = (): void => {
    setTimeout(() => {
      later.abort(new DOMException(`no complete answer within ${ms / 1_000} s of the stop`, 'AbortError'));
    }, ms).unref();
  };
  if (signal.aborted) start();
  else signal.addEventListener('abort', start, { once: true });
  return later.signal;
}
