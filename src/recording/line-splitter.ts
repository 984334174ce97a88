import { backslash, comma, equals, newline, quote, space } from './bytes.js';
import { UdfError } from '../model/errors.js';
import { isComment } from './line-series.js';

/** What ends a line: any newline, or only one outside the quotes of line protocol. */
export type LineKind = 'plain' | 'quoted';

/** What some editors put before a text; it is no part of it. */
const byteOrderMark = Buffer.from('\uFEFF');

/** No line of line protocol is longer: what seems so has a quote that nothing closes. */
export const maxLineBytes = 16 * 1024 * 1024;

/**
 * Splits a stream of bytes into lines. The line found last is `buf[start..end)`, without its newline; it stays where it
 * is until the next chunk is added.
 */
export class LineSplitter {
  buf: Buffer = Buffer.alloc(0);
  start = 0;
  end = 0;
  /** The number of the line found last, from 1: that of its first line if it holds newlines. */
  line = 0;

  /** What is wrong with the line found last if it is too long: of such a line nothing is kept. */
  tooLong: UdfError | undefined;

  readonly #longest: number;
  /** Whether the rest of a line that was too long is still to be passed over. */
  #skipping = false;
  /** Where the next line begins, and its number. */
  #next = 0;
  #nextLine = 1;
  #finished = false;
  /** Where the next quote and the next backslash are: most lines have none, which is then known without looking. */
  #quote = 0;
  #backslash = 0;

  /**
   * Lines of more than `longest` bytes are too long. Where quotes hold newlines, it is the quotes that are wrong then: the
   * first newline ends the line.
   */
  constructor(longest: number) {
    this.#longest = longest;
  }

  add(chunk: Buffer): void {
    const rest = this.buf.subarray(this.#next);
    this.buf = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    this.#next = 0;
    this.#quote = this.#backslash = 0;
  }

  /** No more comes: what is left is a line too. */
  finish(): void {
    this.#finished = true;
  }

  /** Bytes that are there and belong to no line yet. */
  get left(): number {
    return this.buf.length - this.#next;
  }

  /** Goes on to the next line. False if it has not come whole. */
  next(kind: LineKind): boolean {
    const { buf } = this;
    this.tooLong = undefined;
    if (this.#skipping) this.#skip();
    if (
      this.#nextLine === 1 &&
      this.#next === 0 &&
      buf.subarray(0, byteOrderMark.length).equals(byteOrderMark)
    ) {
      this.#next = byteOrderMark.length;
    }
    const start = this.#next;
    if (start === buf.length) return false;
    const first = buf.indexOf(newline, start);
    let end = first;
    let lines = 1;
    if (kind === 'quoted' && (first < 0 || this.#special(start) < first) && !isComment(buf, start)) {
      end = quotedEnd(buf, start);
      // Quotes that nothing closes would take in all that follows.
      if (end < 0 && first >= 0 && (this.#finished || this.left > this.#longest)) end = first;
      if (end > first) lines = newlines(buf, start, end);
    }
    if (end < 0) {
      if (!this.#finished && this.left <= this.#longest) return false;
      end = buf.length;
      this.#skipping = !this.#finished;
    }
    if (end - start > this.#longest) {
      this.tooLong = new UdfError('malformed', `it has more than ${this.#longest} bytes`);
    }
    this.start = start;
    this.end = end;
    this.line = this.#nextLine;
    this.#next = Math.min(end + 1, buf.length);
    // A line that goes on is counted when its end has come.
    if (!this.#skipping) this.#nextLine += lines;
    return true;
  }

  /** Passes over what is left of a line that was too long. */
  #skip(): void {
    const end = this.buf.indexOf(newline, this.#next);
    this.#next = end < 0 ? this.buf.length : end + 1;
    if (end < 0) return;
    this.#skipping = false;
    this.#nextLine++;
  }

  /** Where the first quote or backslash is. */
  #special(start: number): number {
    if (this.#quote < start || this.#quote === 0) this.#quote = position(this.buf, quote, start);
    if (this.#backslash < start || this.#backslash === 0)
      this.#backslash = position(this.buf, backslash, start);
    return Math.min(this.#quote, this.#backslash);
  }
}

function position(buf: Buffer, code: number, start: number): number {
  const at = buf.indexOf(code, start);
  return at < 0 ? buf.length : at;
}

/**
 * Where the newline is that ends a line of line protocol, -1 if it is not there. As Kapacitor does it: quotes count
 * behind the first space, in a value only, and a backslash takes the next byte with it.
 */
function quotedEnd(buf: Buffer, start: number): number {
  const { length } = buf;
  let fields = false;
  let value = false;
  for (let at = start; at < length; at++) {
    const code = buf[at]!;
    if (code > equals && code !== backslash) continue;
    if (code === newline) return at;
    if (code === backslash) at++;
    else if (code === space) fields = true;
    else if (code === quote && value) at = closingQuote(buf, at + 1, length);
    else if (code === equals) value = fields;
    else if (code === comma) value = false;
  }
  return -1;
}

/** Where a quoted text ends; `length` if it does not. */
function closingQuote(buf: Buffer, start: number, length: number): number {
  let at = start;
  while (at < length && buf[at] !== quote) at += buf[at] === backslash ? 2 : 1;
  return at;
}

function newlines(buf: Buffer, start: number, end: number): number {
  let count = 1;
  for (let at = start; at < end; at++) if (buf[at] === newline) count++;
  return count;
}
