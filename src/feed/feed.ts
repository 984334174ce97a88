import type { Readable } from 'node:stream';
import type { Outage } from '../http/outage.js';
import type { UdfError } from '../model/errors.js';
import type { RecordingFormat } from '../recording/format.js';
import { batchLines } from './batches.js';
import { Delivery } from './delivery.js';
import type { ReadOptions } from '../recording/read-options.js';
import { type FileLineOptions, fileLines } from './file-lines.js';
import { generatedLines, type GeneratorName } from './generated-lines.js';
import { type Line, newestTime, paceLines, shiftLine } from './lines.js';
import { resolveFiles, totalBytes } from './sources.js';
import { Spool } from './spool.js';
import { acceptsUnsigned, createWriter, type FeedTarget, timeUnitOf } from './writer.js';

/** Generated data instead of sources. */
export interface FeedGenerator {
  readonly name: GeneratorName;
  /** Equal seeds generate equal data; 1 by default. */
  readonly seed?: number | undefined;
  /** Max points; 1000 by default, unlimited with `shiftToNow`. */
  readonly points?: number | undefined;
  /** Number of smart meters, for `meters`; a household's meters by default. */
  readonly meters?: number | undefined;
  /** Points per second of all smart meters, in their own time; one per meter and minute by default. */
  readonly rate?: number | undefined;
}

export interface FeedOptions {
  readonly target: FeedTarget;
  /** Files, globs, directories of Green Button feeds if `format` says so, or `-` for standard input. Exclusive with `generator`. */
  readonly sources?: readonly string[];
  readonly generator?: FeedGenerator | undefined;
  /** Derived from each file's name by default. */
  readonly format?: RecordingFormat | undefined;
  /** How sources are decoded and parsed. */
  readonly reading?: Omit<ReadOptions, 'format' | 'skipBad' | 'onBad' | 'onWarning' | 'hint'> | undefined;
  /** Follow the one source as it grows, until the signal aborts. */
  readonly follow?: boolean | undefined;
  /** Speed relative to the data's own times: 1 is real time; `Infinity`, the default, does not wait. */
  readonly speed?: number | undefined;
  /** Shift all times so that the newest is now. A generator begins at midnight (UTC) of yesterday and continues in real time. */
  readonly shiftToNow?: boolean | undefined;
  /** Skip malformed entries instead of stopping at the first. */
  readonly skipBad?: boolean | undefined;
  /** Directory for lines while the server is unavailable; without it, reading waits. */
  readonly spool?: string | undefined;
  /** Max lines per request; 5000 by default. */
  readonly maxBatchLines?: number | undefined;
  /** Max time that a line waits for its request to fill; 1000 by default. */
  readonly flushMs?: number | undefined;
  /** Ends the feed; lines read by then are still sent. */
  readonly signal: AbortSignal;
  readonly stdin: Readable;
  readonly events?: FeedEvents | undefined;
}

/** Callbacks during a feed. */
export interface FeedEvents {
  /** Before reading. `bytes` is the total size of the files; `undefined` if unknown or endless. */
  readonly onStart?: (bytes: number | undefined) => void;
  /** Bytes read and points arrived so far. */
  readonly onProgress?: (bytes: number, arrived: number) => void;
  /** A malformed entry was skipped. */
  readonly onSkipped?: (problem: UdfError) => void;
  /** The server permanently rejected a line. */
  readonly onRefused?: (line: Line, reason: string) => void;
  /** The server is unavailable, repeated at growing intervals, or available again (`undefined`). */
  readonly onOutage?: (outage: Outage | undefined) => void;
  /** Any other note for the user. */
  readonly onNote?: (note: string) => void;
}

export interface FeedResult {
  readonly arrived: number;
  /** Lines that the server permanently rejected. */
  readonly refused: number;
  /** Malformed entries that were skipped. */
  readonly skipped: number;
  /** Lines that were read, but neither arrived nor were spooled. */
  readonly unsent: number;
  /** Batches in the spool. */
  readonly waitingBatches: number;
  /** Whether the signal cut finite sources short or left lines unsent. */
  readonly isStopped: boolean;
  /** The error that ended the feed early. The counts include the lines read before it. */
  readonly error?: unknown;
}

/** Max time for sources to end after the signal; then they are abandoned. */
const endTimeoutMs = 1_000;

/**
 * Writes sources or generated data into a database until they end or the signal aborts.
 *
 * Rejects with `usage` for contradicting options, and `invalid_config` for a glob without matches or an unusable spool.
 * Later errors end the feed and are in the result: `malformed` for an entry, `refused` by the server, `invalid_config` for
 * a full disk.
 */
export async function feed(options: FeedOptions): Promise<FeedResult> {
  const { target, signal, events = {}, maxBatchLines = 5_000, flushMs = 1_000, speed = Infinity } = options;
  const files = await resolveFiles(options);
  const spool = options.spool === undefined ? undefined : await Spool.open(options.spool);
  const delivery = new Delivery({
    writer: createWriter(target, signal),
    spool,
    signal,
    onRefused: events.onRefused,
    onOutage: events.onOutage,
  });
  const progress = new Progress(delivery, events);
  events.onStart?.(await totalBytes(files, options));

  const outcome: ReadOutcome = { isComplete: false, skipped: 0 };
  const sourcesEnd = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const startTimer = (): void => {
    timer = setTimeout(() => {
      sourcesEnd.abort();
    }, endTimeoutMs);
  };
  if (signal.aborted) startTimer();
  else signal.addEventListener('abort', startTimer);
  let failure: { readonly error: unknown } | undefined;
  try {
    const lines = linesUntilError(await openLines(files, options, outcome, progress), outcome, signal);
    const paced = paceLines(lines, speed, signal);
    for await (const batch of batchLines(paced, {
      size: maxBatchLines,
      flushMs,
      signal: sourcesEnd.signal,
    })) {
      await delivery.send(batch);
      progress.report();
    }
    await delivery.finish();
  } catch (error) {
    failure = { error };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', startTimer);
  }
  const { arrived, refused, unsent } = delivery;
  const isIncomplete = !outcome.isComplete && !isEndless(options);
  return {
    arrived,
    refused,
    unsent,
    skipped: outcome.skipped,
    waitingBatches: spool?.size ?? 0,
    isStopped: signal.aborted && (isIncomplete || unsent > 0),
    ...(failure ?? outcome.failure),
  };
}

/** The outcome of reading all sources. */
interface ReadOutcome {
  /** Whether all sources were read to their end. */
  isComplete: boolean;
  skipped: number;
  /** The error that ended it early. Lines read before it are still sent. */
  failure?: { readonly error: unknown };
}

/** Yields lines up to the first error, which is stored in `outcome`. */
async function* linesUntilError(
  lines: AsyncIterable<Line>,
  outcome: ReadOutcome,
  signal: AbortSignal,
): AsyncGenerator<Line> {
  try {
    yield* lines;
    outcome.isComplete = !signal.aborted; // an abort also ends the lines
  } catch (error) {
    outcome.failure = { error };
  }
}

/** Sums the bytes of consecutive files. */
class Progress {
  readonly #delivery: Delivery;
  readonly #events: FeedEvents;
  #earlierBytes = 0;
  #bytes = 0;

  constructor(delivery: Delivery, events: FeedEvents) {
    this.#delivery = delivery;
    this.#events = events;
  }

  read(bytes: number): void {
    this.#bytes = bytes;
    this.report();
  }

  endFile(): void {
    this.#earlierBytes += this.#bytes;
    this.#bytes = 0;
  }

  report(): void {
    this.#events.onProgress?.(this.#earlierBytes + this.#bytes, this.#delivery.arrived);
  }
}

/** Whether only the signal ends the feed. */
function isEndless({ follow, generator, shiftToNow }: FeedOptions): boolean {
  return (
    follow === true || (generator !== undefined && shiftToNow === true && generator.points === undefined)
  );
}

async function openLines(
  files: readonly string[],
  options: FeedOptions,
  outcome: ReadOutcome,
  progress: Progress,
): Promise<AsyncIterable<Line>> {
  const { generator, signal, stdin, events = {}, follow = false, shiftToNow = false } = options;
  if (generator) {
    const { name, seed = 1, points, meters, rate } = generator;
    return generatedLines(name, { seed, points, live: shiftToNow, signal, meters, rate });
  }
  const settings: FileLineOptions = {
    ...options.reading,
    signal,
    stdin,
    follow,
    format: options.format,
    skipBad: options.skipBad ?? false,
    onBad: (problem) => {
      outcome.skipped++;
      events.onSkipped?.(problem);
    },
    onNote: events.onNote,
    openQuoteTimeoutMs: options.flushMs,
    allowUnsigned: acceptsUnsigned(options.target),
    timeUnit: timeUnitOf(options.target),
    onRead: (bytes) => {
      progress.read(bytes);
    },
  };
  if (!shiftToNow) return allLines(files, settings, progress);
  const silent = { ...settings, onBad: () => undefined, onRead: undefined, onNote: undefined };
  const newest = await newestTime(allLines(files, silent));
  const offset = newest === undefined ? 0n : BigInt(Date.now()) * 1_000_000n - newest;
  return (async function* () {
    for await (const line of allLines(files, settings, progress)) yield shiftLine(line, offset);
  })();
}

async function* allLines(
  files: readonly string[],
  settings: FileLineOptions,
  progress?: Progress,
): AsyncGenerator<Line> {
  for (const file of files) {
    if (settings.signal.aborted) return;
    yield* fileLines(file, settings);
    progress?.endFile();
  }
}
