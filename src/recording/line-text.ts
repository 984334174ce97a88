import { messageOf, UdfError } from '../model/errors.js';
import { type LinePoint, parseLine } from './line-protocol.js';

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
