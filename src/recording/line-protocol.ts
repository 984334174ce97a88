import { messageOf, UdfError } from '../model/errors.js';
import type { Fields, Tags } from '../model/values.js';
import { carriageReturn, hash, newline, space, tab } from './bytes.js';
import { LineParser } from './line-parser.js';
import type { Series } from './line-series.js';
import { LineSplitter } from './line-splitter.js';

/** A point of line protocol, as plain data. */
export interface LinePoint {
  readonly name: string;
  readonly tags: Tags;
  readonly fields: Fields;
  /** Nanoseconds since the epoch; a line may leave it out. */
  readonly time: bigint | undefined;
}

let parser: LineParser<Series> | undefined;

/**
 * Parses one point of line protocol, with a time in nanoseconds, as InfluxDB 1.x and Kapacitor do. A quoted string in it
 * may hold newlines. Throws `malformed` with what is wrong and at which column.
 */
export function parseLine(text: string): LinePoint {
  parser ??= createPointParser();
  const bytes = Buffer.from(text);
  parser.parse(bytes, 0, bytes.length);
  return linePointOf(parser);
}

/**
 * The points of a text in line protocol: one a line, except that a quoted text may hold newlines. Empty lines, comments
 * (`#`), indentation and a byte order mark are ignored.
 *
 * Throws `malformed` with the line, the column and what is wrong.
 */
export function parseLines(text: string): LinePoint[] {
  const splitter = new LineSplitter(Infinity);
  splitter.add(Buffer.from(text));
  splitter.finish();
  const parser = createPointParser();
  const points: LinePoint[] = [];
  while (splitter.next('quoted', parser.tryParse)) {
    if (isEmpty(splitter)) continue;
    try {
      parseCurrentLine(splitter, parser);
    } catch (cause) {
      throw new UdfError('malformed', `line ${splitter.line}: ${messageOf(cause)}`, { cause });
    }
    points.push(linePointOf(parser));
  }
  return points;
}

/** A parser for points as plain data. */
export function createPointParser(): LineParser<Series> {
  return new LineParser((name, tags) => ({ name, tags }));
}

/** The parser's current point as plain data. */
export function linePointOf(parser: LineParser<Series>): LinePoint {
  return { ...parser.series, fields: parser.fields.toRecord(), time: parser.time };
}

/**
 * Parses a splitter's current line. If it spans several physical lines and is malformed, a quote in the first was most
 * likely never closed: the splitter is cut back to the first line, so that only that one is lost. Throws `malformed`.
 */
export function parseCurrentLine(splitter: LineSplitter, parser: LineParser<unknown>): void {
  if (splitter.isParsed) return;
  if (splitter.problem) throw splitter.problem;
  try {
    parser.parse(splitter.buf, splitter.start, splitter.end);
  } catch (joined) {
    if (!splitter.isMultiline) throw joined;
    splitter.cutToFirstNewline();
    try {
      parser.parse(splitter.buf, splitter.start, splitter.end);
    } catch (first) {
      const message = `${messageOf(first)}; with the lines up to the next quote: ${messageOf(joined)}`;
      throw new UdfError('malformed', message, { cause: first });
    }
  }
}

/** Whether the current line is blank or a comment. As in InfluxDB, a carriage return is blank at the line's end only. */
export function isEmpty({ buf, start, end }: LineSplitter): boolean {
  const last = buf[end - 1] === carriageReturn ? end - 1 : end;
  let at = start;
  while (at < last && isBlank(buf[at]!)) at++;
  return at >= last || buf[at] === hash;
}

function isBlank(code: number): boolean {
  return code === space || code === tab || code === newline;
}
