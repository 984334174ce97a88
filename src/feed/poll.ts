import { Readable } from 'node:stream';
import { messageOf, UdfError } from '../model/errors.js';
import type { RecordingFormat } from '../recording/format.js';
import { FeedLinks } from '../recording/green-button/links.js';
import { CutOffError } from '../recording/green-button/xml-reader.js';
import { batchLines } from './batches.js';
import { Delivery } from './delivery.js';
import type { FeedEvents, FeedOptions, FeedResult } from './feed.js';
import { type FileLineOptions, recordedLines } from './file-lines.js';
import type { Line } from './lines.js';
import { ResumeFile, type SourceState } from './resume-file.js';
import { backOffMs, sleep } from './sleep.js';
import { createWriter, type FeedTarget, timeUnitOf } from './writer.js';

export interface PollOptions {
  readonly target: FeedTarget;
  /** URLs of feeds. */
  readonly urls: readonly string[];
  /** Time between fetches of a source; without it, each is fetched once. */
  readonly everyMs?: number | undefined;
  /** Where the states of the sources are kept. */
  readonly resume?: string | undefined;
  /** `greenbutton` by default. */
  readonly format?: Exclude<RecordingFormat, 'lp'> | undefined;
  readonly reading?: FeedOptions['reading'];
  readonly skipBad?: boolean | undefined;
  /** The `Authorization` header for the sources. Never logged. */
  readonly authorization?: string | undefined;
  /**
   * Leave out intervals that are not after the last one taken of their series, for a target that does not store equal points
   * once. Later corrections of them are left out too.
   */
  readonly onlyNewer?: boolean | undefined;
  readonly maxBatchLines?: number | undefined;
  readonly flushMs?: number | undefined;
  readonly signal: AbortSignal;
  readonly events?: FeedEvents | undefined;
  /** Wait after the first failure of a source, 1000 by default; doubles with each further one. */
  readonly firstWaitMs?: number | undefined;
}

const maxWaitMs = 3_600_000;
/** Asked for again: entries that were published while the last answer was made, and clocks that differ. */
const overlapMs = 60 * 60 * 1000;

/** A fetch failed in a way that may pass. */
class FetchError extends Error {
  override readonly name = 'FetchError';
}

/**
 * Fetches feeds and writes what is new, until the signal aborts, or once without `everyMs`. The state of a source is saved only when all of an
 * answer has been delivered: killed at any moment, the next start fetches again what may be missing. A database stores it once, since
 * series and times are equal.
 *
 * Rejects with `invalid_config` for an unusable resume file. Later errors are in the result: `refused` for an answer that will
 * not change (401, 404, …), and those of `feed`.
 */
export async function pollFeeds(options: PollOptions): Promise<FeedResult> {
  const { target, urls, everyMs, signal, firstWaitMs = 1_000, events = {} } = options;
  const longestWaitMs = Math.min(maxWaitMs, Math.max(everyMs ?? maxWaitMs, firstWaitMs));
  const resume = await ResumeFile.open(options.resume);
  const delivery = new Delivery({
    ...{ writer: createWriter(target), signal },
    ...{ onRefused: events.onRefused, onOutage: events.onOutage },
  });
  const poller = new Poller(options, resume, delivery);
  const schedule = urls.map((url) => ({ url, at: 0, failures: 0, isDone: false }));
  let failure: { readonly error: unknown } | undefined;
  try {
    for (;;) {
      const waiting = schedule.filter(({ isDone }) => !isDone).sort((a, b) => a.at - b.at);
      const next = waiting[0];
      if (!next || signal.aborted) break;
      if (next.at > Date.now() && !(await sleep(Math.min(next.at - Date.now(), maxWaitMs), signal))) break;
      if (next.at > Date.now()) continue;
      try {
        if (!(await poller.fetchOnce(next.url))) break;
        next.failures = 0;
        next.isDone = everyMs === undefined;
        next.at = Date.now() + (everyMs ?? 0);
      } catch (reason) {
        if (!(reason instanceof FetchError)) throw reason;
        const waitMs = backOffMs(next.failures++, firstWaitMs, longestWaitMs);
        next.at = Date.now() + waitMs;
        events.onNote?.(`${next.url}: ${reason.message}; trying again in ${Math.ceil(waitMs / 1000)} s`);
      }
    }
  } catch (error) {
    failure = { error };
  }
  const { arrived, refused, unsent } = delivery;
  const isIncomplete = schedule.some(({ isDone }) => !isDone) && everyMs === undefined;
  return {
    ...{ arrived, refused, unsent, skipped: poller.skipped, waitingBatches: 0 },
    isStopped: signal.aborted && (isIncomplete || unsent > 0),
    ...failure,
  };
}

class Poller {
  skipped = 0;
  readonly #options: PollOptions;
  readonly #resume: ResumeFile;
  readonly #delivery: Delivery;

  constructor(options: PollOptions, resume: ResumeFile, delivery: Delivery) {
    this.#options = options;
    this.#resume = resume;
    this.#delivery = delivery;
  }

  /** Resolves to false if the signal aborted first. Rejects with `FetchError`, and with `UdfError` for what does not pass. */
  async fetchOnce(url: string): Promise<boolean> {
    const { signal, maxBatchLines = 5_000, flushMs = 1_000 } = this.#options;
    const state = this.#resume.get(url);
    const startMs = Date.now();
    const response = await this.#request(url, state);
    if (!response) return !signal.aborted;
    const links = new FeedLinks(state.links);
    const lastIntervals = new Map(Object.entries(state.lastIntervals));
    const unsentBefore = this.#delivery.unsent;
    const lines = this.#newLines(this.#linesOf(url, response, links), state, lastIntervals);
    for await (const batch of batchLines(lines, { size: maxBatchLines, flushMs, signal })) {
      await this.#delivery.send(batch);
    }
    if (signal.aborted || this.#delivery.unsent > unsentBefore) return false;
    const { headers } = response;
    const serverMs = Date.parse(headers.get('date') ?? '');
    await this.#resume.set(url, {
      etag: headers.get('etag') ?? undefined,
      lastModified: headers.get('last-modified') ?? undefined,
      publishedMs: Math.min(startMs, Number.isNaN(serverMs) ? startMs : serverMs) - overlapMs,
      lastIntervals: Object.fromEntries(lastIntervals),
      links: links.toJSON(),
    });
    return true;
  }

  /** Undefined if nothing has changed. */
  async #request(url: string, state: SourceState): Promise<Response | undefined> {
    const { signal, authorization } = this.#options;
    const address = new URL(url);
    if (state.publishedMs !== undefined) {
      address.searchParams.set(
        'published-min',
        new Date(state.publishedMs).toISOString().replace(/\.\d+/, ''),
      );
    }
    let response: Response;
    try {
      response = await fetch(address, {
        signal,
        headers: {
          Accept: 'application/atom+xml',
          ...(authorization !== undefined && { Authorization: authorization }),
          ...(state.etag !== undefined && { 'If-None-Match': state.etag }),
          ...(state.lastModified !== undefined && { 'If-Modified-Since': state.lastModified }),
        },
      });
    } catch (reason) {
      if (signal.aborted) return undefined;
      throw new FetchError(
        reason instanceof Error && reason.cause ? messageOf(reason.cause) : messageOf(reason),
      );
    }
    if (response.ok) return response;
    await response.body?.cancel();
    const { status } = response;
    if (status === 304) return undefined;
    if (status >= 500 || status === 408 || status === 429) throw new FetchError(`HTTP ${status}`);
    const advice =
      status === 401 || status === 403 ? '; set GREENBUTTON_TOKEN to the token of the utility' : '';
    throw new UdfError('refused', `${url}: HTTP ${status}${advice}`);
  }

  /** The lines of an answer; one that breaks off is an outage, not a malformed feed. */
  async *#linesOf(url: string, response: Response, links: FeedLinks): AsyncGenerator<Line> {
    const { target, signal, format = 'greenbutton', reading, skipBad = false, events = {} } = this.#options;
    const answer = { hasEnded: false, problem: '' };
    const body = async function* (): AsyncGenerator<Uint8Array> {
      if (response.body) yield* response.body;
      answer.hasEnded = true;
    };
    const settings: FileLineOptions = {
      ...reading,
      ...{ skipBad, signal, links, follow: false, stdin: process.stdin, onNote: events.onNote },
      timeUnit: timeUnitOf(target),
      onBad: (problem) => {
        if (isCutOff(problem)) {
          answer.problem = problem.message; // not one of the entries that may be left out: more is to come
          return;
        }
        this.skipped++;
        events.onSkipped?.(problem);
      },
    };
    try {
      yield* recordedLines(Readable.from(body(), { objectMode: false }), url, format, settings);
    } catch (reason) {
      if (answer.hasEnded && !isCutOff(reason)) throw reason;
      answer.problem = messageOf(reason);
    }
    if (answer.problem !== '') throw new FetchError(`its answer broke off: ${answer.problem}`);
  }

  /** Passes on lines and notes the last interval of each series. */
  async *#newLines(
    lines: AsyncIterable<Line>,
    { lastIntervals: earlier }: SourceState,
    lastIntervals: Map<string, string>,
  ): AsyncGenerator<Line> {
    for await (const line of lines) {
      const series = seriesOf(line.text);
      const before = Object.hasOwn(earlier, series) ? earlier[series] : undefined;
      if (this.#options.onlyNewer && before !== undefined && line.time <= BigInt(before)) continue;
      const last = lastIntervals.get(series);
      if (last === undefined || line.time > BigInt(last)) lastIntervals.set(series, String(line.time));
      yield line;
    }
  }
}

/** Whether a document was incomplete; what reports its place wraps the error. */
function isCutOff(reason: unknown): boolean {
  if (!(reason instanceof Error)) return false;
  return reason instanceof CutOffError || isCutOff(reason.cause);
}

/** Measurement and tags: up to the first space that is not escaped. */
function seriesOf(text: string): string {
  return /^(?:\\.|[^ \\])*/.exec(text)![0]; // matches any text
}
