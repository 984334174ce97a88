import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { BadEntries } from '../recording/entries.js';
import { formatPointLine } from '../recording/format-line.js';
import type { RecordingFormat } from '../recording/format.js';
import { inUtf8, openRecording } from '../recording/open.js';
import { readLineTexts } from '../recording/read-lines.js';
import { checkReadOptions, type ReadOptions } from '../recording/read-options.js';
import { formatOfFile, openSource, plainBytes, type Source } from '../recording/source.js';
import { messageOf, UdfError } from '../model/errors.js';
import { LazyBatch } from '../wire/lazy-batch.js';
import type { LazyPoint } from '../wire/point/lazy-point.js';
import { followFile } from './follow.js';
import type { Line } from './lines.js';
import { completeLines, readUntilAborted } from './live-bytes.js';

/** How a file is read. */
export interface FileLineOptions extends ReadOptions {
  readonly skipBad: boolean;
  /** Called with each malformed entry that is skipped. */
  readonly onBad: (problem: UdfError) => void;
  /** Called with notes for the user. */
  readonly onNote?: ((note: string) => void) | undefined;
  /** Follow the file as it grows, until the signal aborts. */
  readonly follow: boolean;
  /** Ends the reading. A pipe or followed file is read up to the last newline received by then. */
  readonly signal: AbortSignal;
  /** Called with the bytes read so far. */
  readonly onRead?: ((bytes: number) => void) | undefined;
  /** Input for the path `-`. */
  readonly stdin: Readable;
  /** Max time that lines of a pipe or followed file are held back by an open quote; 1000 by default. */
  readonly openQuoteTimeoutMs?: number | undefined;
  /** Accept unsigned integers in line protocol (`5u`), which InfluxDB 2.x stores. */
  readonly allowUnsigned?: boolean | undefined;
  /** The finest time that the target stores, in nanoseconds; 1 by default. Lines without a time get a multiple of it. */
  readonly timeUnit?: bigint | undefined;
  /** Entries without a time are malformed, instead of getting the current one. */
  readonly needsTimes?: boolean | undefined;
}

const stdinName = 'standard input';

/**
 * Reads the lines of a file, or of standard input for `-`. Line protocol is validated and passed on unchanged; a line
 * without a time gets the current one, so that sending it twice stores it once.
 *
 * Throws `malformed` with the place of a malformed entry unless `skipBad` is set, and `invalid_config` if the file cannot
 * be read.
 */
export async function* fileLines(path: string, options: FileLineOptions): AsyncGenerator<Line> {
  const name = path === '-' ? stdinName : path;
  const format = options.format ?? (path === '-' ? 'lp' : await formatOfFile(path));
  checkReadOptions(options, format);
  if (format === 'lp' && options.follow && path !== '-') yield* followedLines(path, options);
  else {
    const from = await openInput(path, name, options);
    if (format === 'lp') {
      const source = await openSource(from, name);
      const isLive = typeof from !== 'string';
      yield* textLines(
        bytesUntilAborted(source, isLive, options.signal),
        name,
        options,
        () => source.bytesRead,
        isLive,
      );
    } else yield* recordedLines(from, name, format, options);
  }
}

/** Returns the path of a regular file, or a stream of a followed file, a pipe, or standard input. */
async function openInput(path: string, name: string, options: FileLineOptions): Promise<string | Readable> {
  const { follow, signal, stdin, onNote } = options;
  let bytes: AsyncIterable<Buffer>;
  if (path === '-') bytes = readUntilAborted(stdin, signal);
  else if (follow) bytes = followFile(path, { signal });
  else {
    const found = await stat(path).catch(() => undefined); // opening the file reports the error
    if (!found || found.isFile() || found.isDirectory()) return path;
    bytes = readUntilAborted(createReadStream(path), signal);
  }
  const whole = completeLines(bytes, signal, () => {
    onNote?.(incomplete(name));
  });
  return Readable.from(whole, { objectMode: false });
}

function incomplete(name: string): string {
  return `${name}: its last line has no end yet and is not sent`;
}

/** Stops reading a regular file on abort. A live source ends itself, so its gzip data may be truncated. */
async function* bytesUntilAborted(
  source: Source,
  isLive: boolean,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of plainBytes(source)) {
      yield chunk;
      if (signal.aborted && !isLive) return;
    }
  } catch (reason) {
    if (!signal.aborted || source.kind !== 'gzip') throw reason;
  }
}

/** Reads a file and then each file that replaces it, each with its own line numbers. */
async function* followedLines(path: string, options: FileLineOptions): AsyncGenerator<Line> {
  const { onNote } = options;
  const ended = new AbortController();
  const signal = AbortSignal.any([options.signal, ended.signal]);
  /** Index of the file that `next` is from. */
  let file = 0;
  const chunks = followFile(path, {
    signal,
    onMissing: () => {
      onNote?.(`${path} is not there yet; waiting for it`);
    },
    onRenewed: () => {
      file++;
    },
  });
  try {
    let next = await chunks.next();
    const oneFile = async function* (): AsyncGenerator<Buffer> {
      for (const current = file; !next.done && file === current; next = await chunks.next()) yield next.value;
    };
    while (!next.done) {
      const whole = completeLines(oneFile(), signal, () => {
        onNote?.(incomplete(path));
      });
      yield* textLines(whole, path, options, () => 0, true);
    }
  } finally {
    ended.abort(); // a read that still waits for more bytes would keep the file open
    await chunks.return(undefined);
  }
}

async function* textLines(
  chunks: AsyncIterable<Buffer>,
  name: string,
  options: FileLineOptions,
  bytesRead: () => number,
  isLive: boolean,
): AsyncGenerator<Line> {
  const { format, skipBad, onBad, onRead, precision, allowUnsigned, encoding, timeUnit } = options;
  const isGuess = name === stdinName && format === undefined;
  const hint = isGuess ? 'if it is no line protocol, name its --format' : undefined;
  const bad = new BadEntries(name, { skipBad, onBad, hint });
  const openQuoteTimeoutMs = isLive ? (options.openQuoteTimeoutMs ?? 1_000) : Infinity;
  const reading = { bad, precision, allowUnsigned, openQuoteTimeoutMs };
  const clock = new IncreasingClock(timeUnit);
  for await (const lines of readLineTexts(inUtf8(chunks, encoding), reading)) {
    for (const { text, time, line } of lines) {
      if (time === undefined && options.needsTimes) bad.report(line, withoutTime());
      else yield lineOf(text, time, `${name}, line ${line}`, clock);
    }
    onRead?.(bytesRead());
  }
}

/** What is fetched again must have the same times. */
function withoutTime(): UdfError {
  return new UdfError('malformed', 'it has no time, and each fetch would store it once more');
}

function lineOf(text: string, time: bigint | undefined, from: string, clock: IncreasingClock): Line {
  if (time !== undefined) return { text, time, from };
  const now = clock.next();
  return { text: `${text} ${now}`, time: now, from };
}

/** The lines of a stream that ends. Throws as `fileLines`. */
export async function* streamLines(
  from: Readable,
  name: string,
  format: RecordingFormat,
  options: FileLineOptions,
): AsyncGenerator<Line> {
  checkReadOptions(options, format);
  if (format !== 'lp') yield* recordedLines(from, name, format, options);
  else {
    const source = await openSource(from, name);
    if (source.kind === 'zip') throw new UdfError('invalid_config', `cannot read ${name}: it is a zip file`);
    yield* textLines(plainBytes(source), name, options, () => source.bytesRead, false);
  }
}

/** The lines of a recording that is not line protocol. Throws as `fileLines`. */
async function* recordedLines(
  from: string | Readable,
  name: string,
  format: RecordingFormat,
  options: FileLineOptions,
): AsyncGenerator<Line> {
  const { skipBad, onBad, onNote, onRead, signal, timeUnit } = options;
  const onWarning = (warning: string): void => onNote?.(`${name}: ${warning}`);
  const clock = new IncreasingClock(timeUnit);
  const now = (): bigint => {
    if (options.needsTimes) throw withoutTime();
    return clock.next();
  };
  const recording = await openRecording(from, {
    ...options,
    format,
    name,
    onWarning,
    now,
    needsFields: true,
  });
  let number = 0;
  try {
    for await (const items of recording) {
      for (const item of items) {
        number++;
        const place = `${name}, entry ${number}`;
        for (const point of pointsOf(item)) {
          let text;
          try {
            text = formatPointLine(point);
          } catch (cause) {
            // Not valid in line protocol: NaN, or a point without fields.
            const problem = new UdfError('malformed', `${place}: ${messageOf(cause)}`, { cause });
            if (!skipBad) throw problem;
            onBad(problem);
            continue;
          }
          yield { text, time: point.time, from: place };
        }
      }
      onRead?.(recording.bytesRead);
      if (signal.aborted && typeof from === 'string') return;
    }
  } catch (reason) {
    // On abort a pipe may end inside an entry or gzip data.
    if (!signal.aborted || typeof from === 'string') throw reason;
  }
}

function pointsOf(item: LazyPoint | LazyBatch): readonly LazyPoint[] {
  if (!(item instanceof LazyBatch)) return [item];
  return item.points.map((point) => point.withHead({ name: item.name }));
}

/** The current time, strictly increasing: a database overwrites a point of equal series and time. */
class IncreasingClock {
  readonly #unit: bigint;
  #last = 0n;

  constructor(unit = 1n) {
    this.#unit = unit;
  }

  next(): bigint {
    const now = BigInt(Date.now()) * 1_000_000n;
    this.#last = now > this.#last ? now : this.#last + this.#unit;
    return this.#last;
  }
}
