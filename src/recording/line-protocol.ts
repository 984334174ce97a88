import type { Fields, Tags } from '../model/values.js';
import { LineParser } from './line-parser.js';
import type { Series } from './line-series.js';
import { messageOf, UdfError } from '../model/errors.js';

/** A point as InfluxDB's line protocol has it. */
export interface LinePoint {
  readonly name: string;
  readonly tags: Tags;
  readonly fields: Fields;
  /** Nanoseconds since the epoch; a line may leave it out. */
  readonly time: bigint | undefined;
}

let parser: LineParser<Series> | undefined;

/**
 * One point of line protocol, with a time in nanoseconds, as InfluxDB 1.x and Kapacitor read it. The text is one
 * point's, though a quoted string in it may hold newlines.
 *
 * Throws `malformed` that says what is wrong and at which column.
 */
export function parseLine(text: string): LinePoint {
  parser ??= new LineParser((name, tags) => ({ name, tags }));
  const bytes = Buffer.from(text);
  parser.parse(bytes, 0, bytes.length);
  const { series, fields, time } = parser;
  return { ...series, fields: fields.toRecord(), time };
}

/**
 * The points of a text in line protocol: one a line, except that a quoted text may hold newlines. Empty lines and those
 * that start with `#` are left out, indentation does not count.
 *
 * Throws `malformed` that says what is wrong, at which line and column.
 */
export function parseLines(text: string): LinePoint[] {
  const points: LinePoint[] = [];
  let number = 1;
  for (let start = 0; start < text.length;) {
    const end = lineEnd(text, start);
    const line = text.slice(start, end).replace(/^[ \t]+|[ \t\r]+$/g, '');
    if (line !== '' && !line.startsWith('#')) points.push(parsed(line, number));
    for (let at = start; at <= end; at++) if (text.charCodeAt(at) === newline) number++;
    start = end + 1;
  }
  return points;
}

function parsed(line: string, number: number): LinePoint {
  try {
    return parseLine(line);
  } catch (cause) {
    throw new UdfError('malformed', `line ${number}: ${messageOf(cause)}`, { cause });
  }
}

const tab = 0x09;
const newline = 0x0a;
const space = 0x20;
const quote = 0x22;
const backslash = 0x5c;

/** Where the newline is that ends the line. Quotes count only behind the space that ends the tags. */
function lineEnd(text: string, start: number): number {
  let at = start;
  while (text.charCodeAt(at) === space || text.charCodeAt(at) === tab) at++;
  if (text[at] === '#') {
    const end = text.indexOf('\n', at);
    return end < 0 ? text.length : end;
  }
  let fields = false;
  let quoted = false;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === backslash && text.charCodeAt(at + 1) !== newline) at++;
    else if (code === quote && fields) quoted = !quoted;
    else if (code === newline && !quoted) return at;
    else if (code === space) fields = true;
  }
  return text.length;
}
