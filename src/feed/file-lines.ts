import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { BadEntries } from '../recording/entries.js';
import { formatPointLine } from '../recording/format-line.js';
import type { RecordingFormat } from '../recording/format.js';
import { inUtf8, openRecording } from '../recording/open.js';
import { readLineTexts } from '../recording/read-lines.js';
import { checkReadOptions, type ReadOptions as RecordingReadOptions } from '../recording/read-options.js';
import { formatOfFile, openSource, plainBytes, type Source } from '../recording/source.js';
import { messageOf, UdfError } from '../model/errors.js';
import { LazyBatch } from '../wire/lazy-batch.js';
import type { LazyPoint } from '../wire/point/lazy-point.js';
import { followFile } from './follow.js';
import type { Line } from './lines.js';
import { completeLines, readUntilAborted } from './live-bytes.js';

/** How sources are read. */
export interface ReadOptions extends RecordingReadOptions {
  readonly skipBad: boolean;
  /** Called with each malformed entry that is left out. */
  readonly onBad: (problem: UdfError) => void;
  /** Called with what the user may want to know. */
  readonly onNote?: ((note: string) => void) | undefined;
  /** Continue with what is appended, until the signal aborts. */
  readonly follow: boolean;
  /** Ends the reading. What a pipe or a followed file has delivered by then is read to its last newline. */
  readonly signal: AbortSignal;
  /** Called with the number of bytes of the file that were read so far. */
  readonly onRead?: ((bytes: number) => void) | undefined;
  /** Read for the path `-`. */
  readonly stdin: Readable;
  /** How long the lines of a pipe or a followed file wait for a quote before them to be closed: 1 s by default. */
  readonly openQuoteTimeoutMs?: number | undefined;
  /** Accept unsigned integers in line protocol (`5u`), which InfluxDB 2.x stores. */
  readonly allowUnsigned?: boolean | undefined;
}

const stdinName = 'standard input';

/**
 * The lines of a file, or of standard input for `-`. Line protocol is passed on as it is written, once it is known to be
 * well-formed; a line without a time gets one, so that sending it twice stores it once.
 *
 * Throws `malformed` with the place of a malformed entry unless `skipBad` is set, and `invalid_config` for a file that
 * cannot be read.
 */
export async function* fileLines(path: string, options: ReadOptions): AsyncGenerator<Line> {
  const name = path === '-' ? stdinName : path;
  const format = options.format ?? (path === '-' ? 'lp' : await formatOfFile(path));
  checkReadOptions(options, format);
  if (format === 'lp' && options.follow && path !== '-') yield* followedLines(path, options);
  else {
    const from = await inputOf(path, name, options);
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

/** The path of a regular file, or the bytes of one that is followed, of a pipe, or of standard input. */
async function inputOf(path: string, name: string, options: ReadOptions): Promise<string | Readable> {
  const { follow, signal, stdin, onNote } = options;
  let bytes: AsyncIterable<Buffer>;
  if (path === '-') bytes = readUntilAborted(stdin, signal);
  else if (follow) bytes = followFile(path, { signal });
  else {
    const found = await stat(path).catch(() => undefined); // opening it tells what is wrong
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

/** A regular file ends where the signal aborts; a live source ends by itself then, for gzip in the middle of its data. */
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

/** The lines of a file, then those of the files that take its place, each with its own line numbers. */
async function* followedLines(path: string, options: ReadOptions): AsyncGenerator<Line> {
  const { signal, onNote } = options;
  /** Number of the file that `next` is from. */
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
}

async function* textLines(
  chunks: AsyncIterable<Buffer>,
  name: string,
  options: ReadOptions,
  bytesRead: () => number,
  isLive: boolean,
): AsyncGenerator<Line> {
  const { format, skipBad, onBad, onRead, precision, allowUnsigned, encoding } = options;
  const isGuess = name === stdinName && format === undefined;
  const hint = isGuess ? 'if it is no line protocol, name its --format' : undefined;
  const bad = new BadEntries(name, { skipBad, onBad, hint });
  const openQuoteTimeoutMs = isLive ? (options.openQuoteTimeoutMs ?? 1_000) : Infinity;
  const reading = { bad, precision, allowUnsigned, openQuoteTimeoutMs };
  const clock = new Clock();
  for await (const lines of readLineTexts(inUtf8(chunks, encoding), reading)) {
    for (const { text, time, line } of lines) yield lineOf(text, time, `${name}, line ${line}`, clock);
    onRead?.(bytesRead());
  }
}

function lineOf(text: string, time: bigint | undefined, from: string, clock: Clock): Line {
  if (time !== undefined) return { text, time, from };
  const now = clock.next();
  return { text: `${text} ${now}`, time: now, from };
}

async function* recordedLines(
  from: string | Readable,
  name: string,
  format: RecordingFormat,
  options: ReadOptions,
): AsyncGenerator<Line> {
  const { skipBad, onBad, onNote, onRead, signal } = options;
  const onWarning = (warning: string): void => onNote?.(`${name}: ${warning}`);
  const clock = new Clock();
  const now = (): bigint => clock.next();
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
            // Such as a point of a batch without fields, or NaN.
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
    // The signal cuts a pipe anywhere, also inside an entry or gzip's data.
    if (!signal.aborted || typeof from === 'string') throw reason;
  }
}

function pointsOf(item: LazyPoint | LazyBatch): readonly LazyPoint[] {
  if (!(item instanceof LazyBatch)) return [item];
  return item.points.map((point) => point.withHead({ name: item.name }));
}

/** The present, in times that differ by at least a nanosecond: points of one series and time overwrite each other. */
class Clock {
  #last = 0n;

  next(): bigint {
    const now = BigInt(Date.now()) * 1_000_000n;
    this.#last = now > this.#last ? now : this.#last + 1n;
    return this.#last;
  }
}
