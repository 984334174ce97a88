import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { glob } from 'tinyglobby';
import { type InfluxTarget, isBucket } from '../influx/target.js';
import { createInfluxWriter } from '../influx/writer.js';
import { UdfError } from '../model/errors.js';
import type { RecordingFormat } from '../recording/format.js';
import { inBatches } from './batches.js';
import { Delivery } from './delivery.js';
import type { ReadOptions as RecordingReadOptions } from '../recording/read-options.js';
import { fileLines, type ReadOptions } from './file-lines.js';
import { generatedLines, type GeneratorName } from './generated-lines.js';
import { type Line, newestTime, pacedLines, shiftLine } from './lines.js';
import { Spool } from './spool.js';

/** Made-up data in place of sources. */
export interface FeedGenerator {
  readonly name: GeneratorName;
  /** Each seed gives other data; 1 by default. */
  readonly seed?: number | undefined;
  /** Max points; 1000 by default, without limit with `shiftToNow`. */
  readonly points?: number | undefined;
}

export interface FeedOptions {
  readonly target: InfluxTarget;
  /** Files, globs, or `-` for standard input. Exclusive with `generator`. */
  readonly sources?: readonly string[];
  readonly generator?: FeedGenerator | undefined;
  /** Derived from each file's name by default. */
  readonly format?: RecordingFormat | undefined;
  /** How the sources' text is read. */
  readonly reading?:
    Omit<RecordingReadOptions, 'format' | 'skipBad' | 'onBad' | 'onWarning' | 'hint'> | undefined;
  /** Continue with what is appended to the one source, until the signal aborts. */
  readonly follow?: boolean | undefined;
  /** How many seconds of the data take one; Infinity, the default, for no waiting. */
  readonly speed?: number | undefined;
  /** Move all times so that the newest is now. A generator begins at midnight a day ago and continues in real time. */
  readonly shiftToNow?: boolean | undefined;
  /** Leave out malformed entries instead of stopping at the first. */
  readonly skipBad?: boolean | undefined;
  /** Directory where lines wait while the server is away; without it, reading waits. */
  readonly spool?: string | undefined;
  /** Max lines a request; 5000 by default. */
  readonly maxBatchLines?: number | undefined;
  /** Max time that a line waits for others, in milliseconds; 1000 by default. */
  readonly flushMs?: number | undefined;
  /** Ends the feed with what has been read. */
  readonly signal: AbortSignal;
  readonly stdin: Readable;
  readonly events?: FeedEvents | undefined;
}

/** What happens meanwhile. */
export interface FeedEvents {
  /** Before anything is read. `bytes` is the size of all files; undefined if it is not known or endless. */
  readonly onStart?: (bytes: number | undefined) => void;
  /** Bytes read of all files, and points that have arrived, so far. */
  readonly onProgress?: (bytes: number, arrived: number) => void;
  /** A malformed entry that is left out. */
  readonly onSkipped?: (problem: UdfError) => void;
  /** A line that the server refuses for good. */
  readonly onRefused?: (line: Line, reason: string) => void;
  /** The server goes away, for this reason, or is back (`undefined`). */
  readonly onOutage?: (reason: string | undefined) => void;
  /** Anything else that the user may want to know. */
  readonly onNote?: (note: string) => void;
}

export interface FeedResult {
  readonly arrived: number;
  /** Lines that the server refused for good. */
  readonly refused: number;
  /** Malformed entries that were left out. */
  readonly skipped: number;
  /** Lines that were read, but neither arrived nor were kept in the spool. */
  readonly unsent: number;
  /** Batches in the spool. */
  readonly waitingBatches: number;
  /** Whether the signal came before the end of sources that have one, or left lines unsent. */
  readonly isStopped: boolean;
  /** What ended the feed early. Lines that were read before it are accounted for above. */
  readonly error?: unknown;
}

/** How long sources may take to end after the signal, before they are left alone. */
const endTimeoutMs = 1_000;

/**
 * Writes sources or made-up data into a database until they end, or until the signal.
 *
 * Rejects with `usage` for options that contradict each other, and `invalid_config` for a glob without files or a spool
 * that cannot be used. An error after that, such as `malformed` for a malformed entry, `refused` by the server, or
 * `invalid_config` for a full disk, ends the feed and is in the result.
 */
export async function feed(options: FeedOptions): Promise<FeedResult> {
  const { target, signal, events = {}, maxBatchLines = 5_000, flushMs = 1_000, speed = Infinity } = options;
  const files = await checkedFiles(options);
  const spool = options.spool === undefined ? undefined : await Spool.open(options.spool);
  const delivery = new Delivery({
    writer: createInfluxWriter(target),
    spool,
    signal,
    onRefused: events.onRefused,
    onOutage: events.onOutage,
  });
  const progress = new Progress(delivery, events);
  events.onStart?.(await totalBytes(files, options));

  const reading: Reading = { isComplete: false, skipped: 0 };
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
    const lines = readInto(reading, await linesOf(files, options, reading, progress), signal);
    const paced = pacedLines(lines, speed, signal);
    for await (const batch of inBatches(paced, { size: maxBatchLines, flushMs, signal: sourcesEnd.signal })) {
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
  const isCut = !reading.isComplete && !isEndless(options);
  return {
    ...{ arrived, refused, unsent, skipped: reading.skipped, waitingBatches: spool?.size ?? 0 },
    isStopped: signal.aborted && (isCut || unsent > 0),
    ...(failure ?? reading.failure),
  };
}

/** How the reading of all sources ended. */
interface Reading {
  /** Whether it came to the end of all sources. */
  isComplete: boolean;
  skipped: number;
  /** What ended it early. Lines before it are sent all the same. */
  failure?: { readonly error: unknown };
}

/** The lines before the first error. */
async function* readInto(
  reading: Reading,
  lines: AsyncIterable<Line>,
  signal: AbortSignal,
): AsyncGenerator<Line> {
  try {
    yield* lines;
    reading.isComplete = !signal.aborted; // which also ends the lines
  } catch (error) {
    reading.failure = { error };
  }
}

/** Sums the bytes of files that are read one after the other. */
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

/** Whether only the signal ends it. */
function isEndless({ follow, generator, shiftToNow }: FeedOptions): boolean {
  return (
    follow === true || (generator !== undefined && shiftToNow === true && generator.points === undefined)
  );
}

/** The files that the sources mean. Throws as `feed` does. */
async function checkedFiles(options: FeedOptions): Promise<string[]> {
  const { sources = [], generator, follow, shiftToNow } = options;
  if (sources.length > 0 === (generator !== undefined)) {
    throw new UdfError('usage', 'name either sources or --demo');
  }
  if (sources.some((source) => /^https?:\/\//i.test(source))) {
    throw new UdfError('usage', 'a source is a file, and one is a URL; the server is named by --url');
  }
  if (follow && (sources.length !== 1 || sources[0] === '-')) {
    throw new UdfError('usage', '--follow takes one file');
  }
  if (shiftToNow && (follow || sources.includes('-'))) {
    throw new UdfError('usage', '--shift-to-now must know the newest time: it takes files that are whole');
  }
  const files = await matchingFiles(sources);
  if (follow && files.length !== 1) {
    throw new UdfError('usage', `--follow takes one file, and ${sources[0]} means ${files.length}`);
  }
  return files;
}

/** The files that the sources mean, each glob's in order. */
async function matchingFiles(sources: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const source of sources) {
    if (!/[*?[{]/.test(source)) {
      files.push(source);
      continue;
    }
    const found = await glob(source, { expandDirectories: false });
    if (found.length === 0) throw new UdfError('invalid_config', `no file matches ${source}`);
    files.push(...found.sort());
  }
  return files;
}

/** The bytes of all files; undefined if they are not known or endless. */
async function totalBytes(files: readonly string[], { follow }: FeedOptions): Promise<number | undefined> {
  if (follow || files.length === 0 || files.includes('-')) return undefined;
  const sizes = await Promise.all(
    files.map((file) =>
      stat(file).then(
        ({ size }) => size,
        () => 0, // opening it tells what is wrong
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function linesOf(
  files: readonly string[],
  options: FeedOptions,
  reading: Reading,
  progress: Progress,
): Promise<AsyncIterable<Line>> {
  const { generator, signal, stdin, events = {}, follow = false, shiftToNow = false } = options;
  if (generator) {
    const { name, seed = 1, points } = generator;
    return generatedLines(name, { seed, points, live: shiftToNow, signal });
  }
  const settings: ReadOptions = {
    ...options.reading,
    ...{ signal, stdin, follow, format: options.format, skipBad: options.skipBad ?? false },
    onBad: (problem) => {
      reading.skipped++;
      events.onSkipped?.(problem);
    },
    onNote: events.onNote,
    openQuoteTimeoutMs: options.flushMs,
    allowUnsigned: isBucket(options.target.store),
    onRead: (bytes) => {
      progress.read(bytes);
    },
  };
  if (!shiftToNow) return allLines(files, settings, progress);
  const quiet = { ...settings, onBad: () => undefined, onRead: undefined, onNote: undefined };
  const newest = await newestTime(allLines(files, quiet));
  const by = newest === undefined ? 0n : BigInt(Date.now()) * 1_000_000n - newest;
  return (async function* () {
    for await (const line of allLines(files, settings, progress)) yield shiftLine(line, by);
  })();
}

async function* allLines(
  files: readonly string[],
  settings: ReadOptions,
  progress?: Progress,
): AsyncGenerator<Line> {
  for (const file of files) {
    if (settings.signal.aborted) return;
    yield* fileLines(file, settings);
    progress?.endFile();
  }
}
