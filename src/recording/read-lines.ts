import { UdfError } from '../model/errors.js';
import type { LazyPoint } from '../wire/point/lazy-point.js';
import type { PointTemplate } from '../wire/point/template.js';
import { carriageReturn } from './bytes.js';
import { BadEntries, portions } from './entries.js';
import { LineParser, type LineParserOptions } from './line-parser.js';
import {
  createPointParser,
  isEmpty,
  type LinePoint,
  linePointOf,
  parseCurrentLine,
} from './line-protocol.js';
import { LineSplitter, maxLineBytes } from './line-splitter.js';
import type { Dbrp, PointMaker } from './point-maker.js';
import { formatOfFile, openSource, plainBytes } from './source.js';

export type Chunks = AsyncIterable<Buffer>;

/** How lines are read. */
export interface LineReading extends LineParserOptions {
  readonly bad: BadEntries;
  /** Max time to wait for input inside an open quote; time in which the consumer does not read is not counted. */
  readonly openQuoteTimeoutMs?: number | undefined;
}

/** The points of line protocol, those of a chunk at a time. */
export function readLineProtocol(
  chunks: Chunks,
  maker: PointMaker,
  reading: LineReading,
): AsyncGenerator<readonly LazyPoint[]> {
  const parser = templateParser(maker, {}, reading);
  return readEntries(chunks, reading, parser, () => pointOf(parser, maker));
}

/** A line of line protocol as it is written. */
export interface LineText {
  /** Without blanks around it; with its time in nanoseconds if it has one. */
  readonly text: string;
  readonly time: bigint | undefined;
  readonly line: number;
}

/** The well-formed lines of line protocol, unchanged unless the unit of their times is not the nanosecond. */
export function readLineTexts(chunks: Chunks, reading: LineReading): AsyncGenerator<readonly LineText[]> {
  const parser = new LineParser<undefined>(() => undefined, reading);
  const isScaled = (reading.precision ?? 'ns') !== 'ns';
  return readEntries(chunks, reading, parser, (splitter) => {
    const { buf, start, end, line } = splitter;
    const { time, timeStart } = parser;
    const text =
      isScaled && time !== undefined
        ? `${buf.toString('utf8', start, timeStart).trim()} ${time}`
        : buf.toString('utf8', start, end).trim();
    return { text, time, line };
  });
}

/** Yields the result of `itemOf` for each line that is not blank or a comment, once the parser has parsed it. */
async function* readEntries<Item>(
  chunks: Chunks,
  { bad, openQuoteTimeoutMs }: LineReading,
  parser: LineParser<unknown>,
  itemOf: (splitter: LineSplitter) => Item,
): AsyncGenerator<readonly Item[]> {
  const splitter = new LineSplitter(maxLineBytes);
  const take = (items: Item[]): void => {
    while (splitter.next('quoted', parser.tryParse)) {
      if (isEmpty(splitter)) continue;
      try {
        parseCurrentLine(splitter, parser);
        items.push(itemOf(splitter));
      } catch (reason) {
        bad.report(splitter.line, reason);
      }
    }
  };
  yield* portions(chunks, splitter, take, openQuoteTimeoutMs);
}

/** The points of Kapacitor's stream recording. */
export function readStreamRecording(
  chunks: Chunks,
  maker: PointMaker,
  reading: LineReading,
): AsyncGenerator<readonly LazyPoint[]> {
  const parsers = new Map<string, LineParser<PointTemplate>>();
  return readStreamEntries(chunks, reading, (splitter, dbrp) => {
    const key = `${dbrp.database}\n${dbrp.retentionPolicy}`;
    let parser = parsers.get(key);
    if (!parser) {
      if (parsers.size >= maxParsers) parsers.clear();
      parser = templateParser(maker, dbrp, reading);
      parsers.set(key, parser);
    }
    parseCurrentLine(splitter, parser);
    return pointOf(parser, maker);
  });
}

/**
 * Yields the result of `parse` for each entry of Kapacitor's stream recording: three lines with the database, the
 * retention policy, and the point.
 */
async function* readStreamEntries<Item>(
  chunks: Chunks,
  { bad, openQuoteTimeoutMs }: LineReading,
  parse: (splitter: LineSplitter, dbrp: StreamDbrp) => Item,
): AsyncGenerator<readonly Item[]> {
  const splitter = new LineSplitter(maxLineBytes);
  let database: string | undefined;
  let retentionPolicy: string | undefined;
  const take = (items: Item[]): void => {
    while (splitter.next(retentionPolicy === undefined ? 'plain' : 'quoted')) {
      try {
        if (splitter.problem) throw splitter.problem;
        if (database === undefined) database = nameIn(splitter);
        else if (retentionPolicy === undefined) retentionPolicy = nameIn(splitter);
        else {
          const dbrp = { database, retentionPolicy };
          database = retentionPolicy = undefined;
          if (isEmpty(splitter)) throw new UdfError('malformed', 'a point should be here');
          items.push(parse(splitter, dbrp));
        }
      } catch (reason) {
        database = retentionPolicy = undefined;
        bad.report(splitter.line, reason);
      }
    }
  };
  yield* portions(chunks, splitter, take, openQuoteTimeoutMs);
  if (database === undefined) return;
  bad.report(
    splitter.line,
    new UdfError('malformed', 'it ends where a retention policy or a point should follow'),
  );
}

type StreamDbrp = { readonly [Key in keyof Dbrp]-?: string };

/** Kapacitor strips a carriage return at the end of a line. */
function nameIn({ buf, start, end }: LineSplitter): string {
  return buf.toString('utf8', start, end > start && buf[end - 1] === carriageReturn ? end - 1 : end);
}

function templateParser(
  maker: PointMaker,
  dbrp: Dbrp,
  options: LineParserOptions,
): LineParser<PointTemplate> {
  return new LineParser((name, tags) => maker.template(name, tags, dbrp), options);
}

function pointOf(parser: LineParser<PointTemplate>, maker: PointMaker): LazyPoint {
  const { series, fields, seconds, nanoseconds } = parser;
  if (seconds >= 0) return series.scannedPoint(seconds, nanoseconds, fields);
  return series.point(parser.time ?? maker.now(), fields.keys, fields.values, fields.count);
}

/** A file with more databases than this is most likely not a recording. */
const maxParsers = 64;

/**
 * The points of line protocol or of a stream recording, gzipped or not, as plain data. Reads the whole file.
 *
 * Throws `invalid_config` if it cannot be read or its name has no known extension, and `malformed` with file and line.
 */
export async function readLinePoints(path: string): Promise<LinePoint[]> {
  const format = await formatOfFile(path);
  if (format !== 'lp' && format !== 'srpl') {
    const why = format === 'brpl' ? 'it holds batches' : `its format is ${format}`;
    throw new UdfError('invalid_config', `${path} is neither line protocol nor a stream recording: ${why}`);
  }
  const chunks = plainBytes(await openSource(path, path));
  const reading = { bad: new BadEntries(path) };
  const parser = createPointParser();
  const all: LinePoint[] = [];
  const portionsOfPoints =
    format === 'srpl'
      ? readStreamEntries(chunks, reading, (splitter) => {
          parseCurrentLine(splitter, parser);
          return linePointOf(parser);
        })
      : readEntries(chunks, reading, parser, () => linePointOf(parser));
  for await (const points of portionsOfPoints) for (const point of points) all.push(point);
  return all;
}
