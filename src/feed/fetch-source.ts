import { retryAfterMs } from '../http/write-error.js';
import { messageOf, UdfError } from '../model/errors.js';
import type { RecordingFormat } from '../recording/format.js';
import type { SourceState } from './resume-content.js';

/** A fetch failed in a way that may pass. */
export class FetchError extends Error {
  override readonly name = 'FetchError';
  /** The wait that the source asks for; 0 if it asks for none. */
  readonly retryAfterMs: number;

  constructor(message: string, waitMs = 0) {
    super(message);
    this.retryAfterMs = waitMs;
  }
}

export interface FetchOptions {
  readonly format: RecordingFormat;
  /** The `Authorization` header. Never logged, and not sent to another server that redirects name. */
  readonly authorization: string | undefined;
  readonly signal: AbortSignal;
  /** Max time to wait for bytes, in all, plus a millisecond for each byte that came; 300,000 by default. */
  readonly maxWaitMs?: number | undefined;
  /** Max size of the body, uncompressed; 10 GB by default. */
  readonly maxBytes?: number | undefined;
}

/** A source's answer that has new content. */
export interface SourceAnswer {
  readonly headers: Headers;
  readonly body: AsyncIterable<Uint8Array>;
  /** Why the body broke off; undefined if it has not. */
  readonly breakOff: string | undefined;
}

/** Lets a slow source finish, but not one that sends a byte now and then, which would hold up all others. */
const defaultMaxWaitMs = 300_000;
/** A month of 15-minute readings of 5,000 meters as XML. A body without end would hold up all other sources, too. */
const defaultMaxBytes = 10e9;

/**
 * Asks a source for what is new. Resolves to undefined if nothing is. Rejects with `FetchError` for what may pass, also when
 * the signal aborts, and with `refused` for an answer that will not change (401, 404, …) or is a web page.
 */
export async function fetchSource(
  url: string,
  state: SourceState,
  options: FetchOptions,
): Promise<SourceAnswer | undefined> {
  const { format, authorization, signal } = options;
  const { maxWaitMs = defaultMaxWaitMs, maxBytes = defaultMaxBytes } = options;
  const limit = new WaitLimit(maxWaitMs, signal);
  let response: Response;
  try {
    response = await limit.wait(() =>
      fetch(addressOf(url, state, format), {
        signal: limit.signal,
        headers: {
          Accept: format === 'greenbutton' ? 'application/atom+xml, */*;q=0.5' : '*/*',
          // A compressed body that ends early would pass for a whole one; in XML the end is missed.
          ...(format !== 'greenbutton' && { 'Accept-Encoding': 'identity' }),
          ...(authorization !== undefined && { Authorization: authorization }),
          ...(state.etag !== undefined && { 'If-None-Match': state.etag }),
          ...(state.lastModified !== undefined && { 'If-Modified-Since': state.lastModified }),
        },
      }),
    );
  } catch (reason) {
    throw new FetchError(limit.explain(reason));
  }
  if (response.ok && !isWebPage(response)) return answerOf(url, response, limit, maxBytes);
  await response.body?.cancel();
  if (response.status === 304) return undefined;
  throw refusal(url, response);
}

function addressOf(url: string, { publishedMs }: SourceState, format: RecordingFormat): URL {
  const address = new URL(url);
  // ESPI's own parameter; others may refuse it, or have signed the URL.
  if (publishedMs !== undefined && format === 'greenbutton') {
    address.searchParams.set('published-min', new Date(publishedMs).toISOString().replace(/\.\d+/, ''));
  }
  return address;
}

/** No format is HTML: it is a page for a log-in or for maintenance. */
function isWebPage({ headers }: Response): boolean {
  return /^\s*(?:text\/html|application\/xhtml\+xml)\b/i.test(headers.get('content-type') ?? '');
}

function refusal(url: string, response: Response): FetchError | UdfError {
  const { status, headers, ok } = response;
  if (ok) {
    return new UdfError(
      'refused',
      `${url}: it answers with a web page (${headers.get('content-type')}), not with data; open it in a browser to see what it wants`,
    );
  }
  if (status >= 500 || status === 408 || status === 429) {
    return new FetchError(`HTTP ${status}`, retryAfterMs(headers.get('retry-after')));
  }
  const advice =
    status === 401 || status === 403 ? '; set GREENBUTTON_TOKEN to the token of the utility' : '';
  return new UdfError('refused', `${url}: HTTP ${status}${advice}`);
}

function answerOf(url: string, response: Response, limit: WaitLimit, maxBytes: number): SourceAnswer {
  let breakOff: string | undefined;
  let bytes = 0;
  const body = async function* (): AsyncGenerator<Uint8Array> {
    if (!response.body) return;
    const chunks = (response.body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator](); // of bytes, as fetch makes it
    try {
      for (;;) {
        const next = await limit.wait(() => chunks.next());
        if (next.done) return;
        limit.extend(next.value.length);
        bytes += next.value.length;
        if (bytes > maxBytes) throw tooLarge(url, maxBytes);
        yield next.value;
      }
    } catch (reason) {
      if (!(reason instanceof UdfError)) breakOff = limit.explain(reason);
      throw reason;
    } finally {
      await chunks.return?.().catch(() => undefined); // broken already
    }
  };
  return {
    headers: response.headers,
    body: body(),
    get breakOff() {
      return breakOff;
    },
  };
}

function tooLarge(url: string, maxBytes: number): UdfError {
  return new UdfError(
    'refused',
    `${url}: its answer has more than ${maxBytes.toLocaleString('en')} bytes; ask it for a part, or fetch a file and name that`,
  );
}

/** Limits the total time of waiting for a source; the time that the reader of its answer takes does not count. */
class WaitLimit {
  readonly signal: AbortSignal;
  readonly #abort = new AbortController();
  #restMs: number;
  #isOver = false;

  constructor(maxWaitMs: number, signal: AbortSignal) {
    this.#restMs = maxWaitMs;
    this.signal = AbortSignal.any([signal, this.#abort.signal]);
  }

  async wait<Result>(start: () => Promise<Result>): Promise<Result> {
    const startMs = performance.now();
    const timer = setTimeout(() => {
      this.#isOver = true;
      this.#abort.abort();
    }, this.#restMs);
    try {
      return await start();
    } finally {
      clearTimeout(timer);
      this.#restMs = Math.max(0, this.#restMs - (performance.now() - startMs));
    }
  }

  /** Allows a millisecond more for each byte that came. */
  extend(bytes: number): void {
    this.#restMs += bytes;
  }

  explain(reason: unknown): string {
    if (this.#isOver) return 'it takes too long';
    return messageOf(reason instanceof Error && reason.cause !== undefined ? reason.cause : reason);
  }
}
