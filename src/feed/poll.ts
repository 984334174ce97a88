import { Readable } from 'node:stream';
import { messageOf, UdfError } from '../model/errors.js';
import type { RecordingFormat } from '../recording/format.js';
import { FeedLinks } from '../recording/green-button/links.js';
import { CutOffError } from '../recording/green-button/xml-reader.js';
import { batchLines } from './batches.js';
import { Delivery } from './delivery.js';
import type { FeedEvents, FeedOptions, FeedResult } from './feed.js';
import { FetchError, fetchSource, type SourceAnswer } from './fetch-source.js';
import { type FileLineOptions, streamLines } from './file-lines.js';
import type { Line } from './lines.js';
import type { SourceState } from './resume-content.js';
import { ResumeFile } from './resume-file.js';
import { backOffMs, sleep } from './sleep.js';
import { acceptsUnsigned, createWriter, type FeedTarget, targetName, timeUnitOf } from './writer.js';

export interface PollOptions {
  readonly target: FeedTarget;
  /** URLs of feeds. */
  readonly urls: readonly string[];
  /** Time between fetches of a source; without it, each is fetched once. */
  readonly everyMs?: number | undefined;
  /** Where the states of the sources are kept. */
  readonly resume?: string | undefined;
  /** `greenbutton` by default. */
  readonly format?: RecordingFormat | undefined;
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
  /** Max time that an answer may keep waiting; see `FetchOptions`. */
  readonly maxAnswerWaitMs?: number | undefined;
  /** Max size of an answer; see `FetchOptions`. */
  readonly maxAnswerBytes?: number | undefined;
}

const maxWaitMs = 3_600_000;
/** Asked for again: entries that were published while the last answer was made, and clocks that differ. */
const overlapMs = 60 * 60 * 1000;

/** A source will give the same answer again: it refuses, or its content is malformed. */
class SourceError extends Error {
  override readonly name = 'SourceError';
}

interface ScheduledSource {
  readonly url: string;
  /** When it is fetched next, milliseconds since the epoch. */
  at: number;
  /** Consecutive failures that may pass. */
  failures: number;
  isDone: boolean;
  /** Why the last fetch failed for good. */
  error?: unknown;
}

/**
 * Fetches feeds and writes what is new, until the signal aborts, or once without `everyMs`. The state of a source is saved only when all of an
 * answer has been delivered: killed at any moment, the next start fetches again what may be missing. A database stores it once, since
 * series and times are equal.
 *
 * A source that fails for good does not stop the others: it is noted, and with `everyMs` fetched again at its next time. Ends when
 * all sources have failed.
 *
 * Rejects with `invalid_config` for an unusable resume file, one of another target, or one that another process uses. Later errors are in the result:
 * `refused` for an answer that will not change (401, 404, …), and those of `feed`.
 */
export async function pollFeeds(options: PollOptions): Promise<FeedResult> {
  const { target, urls, everyMs, signal, events = {} } = options;
  const resume = await ResumeFile.open(options.resume, targetName(target));
  const delivery = new Delivery({
    writer: createWriter(target, signal),
    signal,
    onRefused: events.onRefused,
    onOutage: events.onOutage,
  });
  const poller = new Poller(options, resume, delivery);
  const schedule = urls.map((url): ScheduledSource => ({ url, at: 0, failures: 0, isDone: false }));
  let failure: { readonly error: unknown } | undefined;
  try {
    await runSchedule(schedule, poller, options);
    const failed = schedule.find((source) => 'error' in source);
    if (failed) failure = { error: failed.error };
  } catch (error) {
    failure = { error };
  } finally {
    resume.close();
  }
  const { arrived, refused, unsent } = delivery;
  const isIncomplete = schedule.some(({ isDone }) => !isDone) && everyMs === undefined;
  return {
    arrived,
    refused,
    unsent,
    skipped: poller.skipped,
    waitingBatches: 0,
    isStopped: signal.aborted && (isIncomplete || unsent > 0),
    ...failure,
  };
}

/** Resolves when all sources are done or have failed, or the signal aborts. */
async function runSchedule(
  schedule: readonly ScheduledSource[],
  poller: Poller,
  { everyMs, signal, firstWaitMs = 1_000, events = {} }: PollOptions,
): Promise<void> {
  const longestWaitMs = Math.min(maxWaitMs, Math.max(everyMs ?? maxWaitMs, firstWaitMs));
  const isStopped = (): boolean => signal.aborted;
  while (!isStopped() && !schedule.every((source) => 'error' in source)) {
    const next = schedule.filter(({ isDone }) => !isDone).sort((a, b) => a.at - b.at)[0];
    if (!next) return;
    const nowMs = Date.now();
    if (next.at > nowMs) {
      if (!(await sleep(Math.min(next.at - nowMs, maxWaitMs), signal))) return;
      continue;
    }
    try {
      if (!(await poller.fetchOnce(next.url))) return;
      delete next.error;
    } catch (reason) {
      if (isStopped()) return;
      if (reason instanceof FetchError) {
        const waitMs = Math.max(backOffMs(next.failures++, firstWaitMs, longestWaitMs), reason.retryAfterMs);
        next.at = Date.now() + waitMs;
        events.onNote?.(`${next.url}: ${reason.message}; trying again in ${Math.ceil(waitMs / 1000)} s`);
        continue;
      }
      if (!(reason instanceof SourceError)) throw reason;
      next.error = reason.cause;
      // The error that ends the command is not told twice.
      if (!schedule.every((source) => 'error' in source)) events.onNote?.(messageOf(reason.cause));
    }
    next.failures = 0;
    next.isDone = everyMs === undefined;
    next.at = Date.now() + (everyMs ?? 0);
  }
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

  /**
   * Resolves to false if the signal aborted first. Rejects with `FetchError` for what may pass, `SourceError` for what does
   * not, and `UdfError` for what concerns all sources.
   */
  async fetchOnce(url: string): Promise<boolean> {
    const { signal, authorization, maxBatchLines = 5_000, flushMs = 1_000 } = this.#options;
    const { format = 'greenbutton', maxAnswerWaitMs, maxAnswerBytes } = this.#options;
    const state = this.#resume.get(url);
    const startMs = Date.now();
    const fetching = { format, authorization, signal, maxWaitMs: maxAnswerWaitMs, maxBytes: maxAnswerBytes };
    const answer = await fetchSource(url, state, fetching).catch((reason: unknown) => {
      throw sourceError(reason);
    });
    if (!answer) return !signal.aborted;
    const links = new FeedLinks(state.links);
    const lastIntervals = new Map(Object.entries(state.lastIntervals));
    const unsentBefore = this.#delivery.unsent;
    const lines = this.#newLines(this.#linesOf(url, answer, format, links), state, lastIntervals);
    for await (const batch of batchLines(lines, { size: maxBatchLines, flushMs, signal })) {
      await this.#delivery.send(batch);
    }
    if (signal.aborted || this.#delivery.unsent > unsentBefore) return false;
    const { headers } = answer;
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

  /** The lines of an answer; one that breaks off is an outage, not a malformed feed. */
  async *#linesOf(
    url: string,
    answer: SourceAnswer,
    format: RecordingFormat,
    links: FeedLinks,
  ): AsyncGenerator<Line> {
    const { target, signal, reading, skipBad = false, events = {} } = this.#options;
    let problem: string | undefined;
    const settings: FileLineOptions = {
      ...reading,
      skipBad,
      signal,
      links,
      follow: false,
      stdin: process.stdin,
      onNote: events.onNote,
      timeUnit: timeUnitOf(target),
      allowUnsigned: acceptsUnsigned(target),
      needsTimes: true,
      onBad: (bad) => {
        if (isCutOff(bad)) {
          problem = bad.message; // not one of the entries that may be left out: more is to come
          return;
        }
        this.skipped++;
        events.onSkipped?.(bad);
      },
    };
    try {
      yield* streamLines(Readable.from(answer.body, { objectMode: false }), url, format, settings);
    } catch (reason) {
      if (answer.breakOff === undefined && !isCutOff(reason)) throw sourceError(reason);
      problem ??= messageOf(reason);
    }
    problem = answer.breakOff ?? problem;
    if (problem !== undefined) throw new FetchError(`its answer broke off: ${problem}`);
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

function sourceError(reason: unknown): unknown {
  return reason instanceof UdfError ? new SourceError(reason.message, { cause: reason }) : reason;
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
