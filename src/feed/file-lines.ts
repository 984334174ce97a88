import { Readable } from 'node:stream';
import { BadEntries } from '../recording/entries.js';
import type { RecordingFormat } from '../recording/format.js';
import { LineParser } from '../recording/line-parser.js';
import { LineSplitter, maxLineBytes } from '../recording/line-splitter.js';
import { openRecording } from '../recording/open.js';
import { isEmpty } from '../recording/read-lines.js';
import { formatOfFile, openSource, plainBytes } from '../recording/source.js';
import { formatPointLine } from '../recording/format-line.js';
import { messageOf, UdfError } from '../model/errors.js';
import { LazyBatch } from '../wire/lazy-batch.js';
import type { LazyPoint } from '../wire/point/lazy-point.js';
import { followFile } from './follow.js';
import type { Line } from './line.js';

/** How sources are read. */
export interface ReadOptions {
  readonly format?: RecordingFormat | undefined;
  readonly skipBad: boolean;
  readonly onBad: (problem: UdfError) => void;
  /** Called with what the user may want to know. */
  readonly onNote?: (note: string) => void;
  /** Go on with what is appended until the signal aborts. */
  readonly follow: boolean;
  readonly signal: AbortSignal;
  /** Called with the bytes read of a file so far. */
  readonly onRead?: ((bytes: number) => void) | undefined;
}

/**
 * The lines of a file, or of standard input for `-`. Line protocol is passed on as it is written, once it is known to be
 * right; a line without a time gets one here, so that to send it twice is to send it once. Throws `malformed` with the
 * place, unless bad lines are to be left out, and `invalid_config` for a file that cannot be read.
 */
export async function* fileLines(path: string, options: ReadOptions): AsyncGenerator<Line> {
  const name = path === '-' ? standardInput : path;
  const format = options.format ?? (path === '-' ? 'lp' : await formatOfFile(path));
  const from = inputOf(path, options);
  if (format !== 'lp') yield* recordedLines(from, name, format, options);
  else if (options.follow && path !== '-') yield* followedLines(path, options);
  else {
    const source = await openSource(from, name);
    yield* textLines(plainBytes(source), name, options, () => source.bytesRead);
  }
}

function inputOf(path: string, { follow, signal }: ReadOptions): string | Readable {
  if (path === '-') return process.stdin;
  return follow ? Readable.from(followFile(path, { signal }), { objectMode: false }) : path;
}

/** The lines of a file, then those of the files that take its place, each with numbers of its own. */
async function* followedLines(path: string, options: ReadOptions): AsyncGenerator<Line> {
  /** Which file `next` is of. */
  let file = 0;
  const chunks = followFile(path, {
    signal: options.signal,
    onMissing: () => {
      options.onNote?.(`${path} is not there yet; waiting for it`);
    },
    onRenewed: () => {
      file++;
    },
  });
  let next = await chunks.next();
  const oneFile = async function* (): AsyncGenerator<Buffer> {
    for (const current = file; !next.done && file === current; next = await chunks.next()) yield next.value;
  };
  while (!next.done) yield* textLines(oneFile(), path, options, () => 0);
}

const standardInput = 'standard input';

/** That the first line is no line protocol, where nothing but its absence said that it should be. */
function guessed(cause: unknown): UdfError {
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
        bad.at(line, isFirst && name === standardInput && format === undefined ? guessed(reason) : reason);
        isFirst = false;
        continue;
      }
      isFirst = false;
      const { time } = parser;
      const given = time ?? clock.next();
      const place = `${name}, line ${line}`;
      yield { text: time === undefined ? `${text} ${given}` : text, time: given, from: place };
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

async function* recordedLines(
  from: string | Readable,
  name: string,
  format: RecordingFormat,
  { skipBad, onBad, onRead }: ReadOptions,
): AsyncGenerator<Line> {
  const clock = new Clock();
  const now = (): bigint => clock.next();
  const recording = await openRecording(from, { format, name, skipBad, onBad, now, needsFields: true });
  let number = 0;
  for await (const items of recording) {
    for (const item of items) {
      number++;
      const place = `${name}, entry ${number}`;
      for (const point of pointsOf(item)) {
        let text;
        try {
          text = formatPointLine(point);
        } catch (cause) {
          // Such as a point of a batch without fields, or NaN: the others need not wait for it.
          const problem = new UdfError('malformed', `${place}: ${messageOf(cause)}`, { cause });
          if (!skipBad) throw problem;
          onBad(problem);
          continue;
        }
        yield { text, time: point.time, from: place };
      }
    }
    onRead?.(recording.bytesRead);
  }
}

function pointsOf(item: LazyPoint | LazyBatch): readonly LazyPoint[] {
  if (!(item instanceof LazyBatch)) return [item];
  return item.points.map((point) => point.withHead({ name: item.name }));
}

/** The time now, each a nanosecond apart at least: equal ones in a series would overwrite each other. */
class Clock {
  #last = 0n;

  next(): bigint {
    const now = BigInt(Date.now()) * 1_000_000n;
    this.#last = now > this.#last ? now : this.#last + 1n;
    return this.#last;
  }
}
