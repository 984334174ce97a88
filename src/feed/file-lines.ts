import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { BadEntries } from '../recording/entries.js';
import { formatPointLine } from '../recording/format-line.js';
import type { RecordingFormat } from '../recording/format.js';
import { LineParser } from '../recording/line-parser.js';
import { LineSplitter, maxLineBytes } from '../recording/line-splitter.js';
import { openRecording } from '../recording/open.js';
import { isEmpty } from '../recording/read-lines.js';
import { formatOfFile, openSource, plainBytes, type Source } from '../recording/source.js';
import { messageOf, UdfError } from '../model/errors.js';
import { LazyBatch } from '../wire/lazy-batch.js';
import type { LazyPoint } from '../wire/point/lazy-point.js';
import { followFile } from './follow.js';
import type { Line } from './lines.js';
import { completeLines, readUntilAborted } from './live-bytes.js';

/** How sources are read. */
export interface ReadOptions {
  readonly format?: RecordingFormat | undefined;
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
    yield* textLines(whole, path, options, () => 0);
  }
}

/** Adds a hint to the error of a first line that was taken for line protocol because nothing else was said. */
function withFormatHint(cause: unknown): UdfError {
  const message = `${messageOf(cause)}; if it is no line protocol, name its --format`;
  return new UdfError('malformed', message, { cause });
}

async function* textLines(
  chunks: AsyncIterable<Buffer>,
  name: string,
  { format, skipBad, onBad, onRead }: ReadOptions,
  bytesRead: () => number,
): AsyncGenerator<Line> {
  const bad = new BadEntries(name, skipBad, onBad);
  const splitter = new LineSplitter(maxLineBytes);
  const parser = new LineParser<undefined>(() => undefined);
  const clock = new Clock();
  let isFirst = true;
  const take = function* (): Generator<Line> {
    while (splitter.next('quoted')) {
      const { buf, start, end, line, tooLong } = splitter;
      if (isEmpty(buf, start, end)) continue;
      const text = tooLong ? '' : buf.toString('utf8', start, end).trim();
      try {
        if (tooLong) throw tooLong;
        parser.parse(buf, start, end);
      } catch (reason) {
        bad.at(line, isFirst && name === stdinName && format === undefined ? withFormatHint(reason) : reason);
        isFirst = false;
        continue;
      }
      isFirst = false;
      yield lineOf(text, parser.time, `${name}, line ${line}`, clock);
    }
  };
  for await (const chunk of chunks) {
    splitter.add(chunk);
    yield* take();
    onRead?.(bytesRead());
  }
  splitter.finish();
  yield* take();
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
  { skipBad, onBad, onRead, signal }: ReadOptions,
): AsyncGenerator<Line> {
  const clock = new Clock();
  const now = (): bigint => clock.next();
  const recording = await openRecording(from, { format, name, skipBad, onBad, now, needsFields: true });
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
