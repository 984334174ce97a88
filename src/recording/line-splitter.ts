import { isUtf8 } from 'node:buffer';
import { UdfError } from '../model/errors.js';
import { backslash, comma, equals, hash, newline, quote, space, tab } from './bytes.js';

/** What ends a line: any newline, or only one outside the quotes of line protocol. */
export type LineKind = 'plain' | 'quoted';

const byteOrderMark = Buffer.from('\uFEFF');

/** Max bytes of a line of line protocol, the newlines in its quotes included. */
export const maxLineBytes = 16 * 1024 * 1024;

/**
 * Splits a stream of bytes into lines. The current line is `buf[start..end)`, without its newline; it is valid until the
 * next chunk is added.
 *
 * A quoted line may span several physical lines. Only parsing shows whether its quotes are meant so: if it is malformed,
 * the reader calls `cutToFirstNewline`, and the lines after the first are split again.
 */
export class LineSplitter {
  buf: Buffer = Buffer.alloc(0);
  start = 0;
  end = 0;
  /** The number of the current line's first physical line, from 1. */
  line = 0;
  /** Set if the current line is too long or not UTF-8, and must not be parsed. */
  problem: UdfError | undefined;
  /** Whether `tryParse` has parsed the current line. */
  isParsed = false;

  readonly #maxBytes: number;
  readonly #encodingRemedy: string | undefined;
  /** Offset of the first newline inside the current line; -1 if it is a single physical line. */
  #firstNewline = -1;
  /** Whether the rest of a line that was too long is to be skipped. */
  #skipping = false;
  /** Offset and number of the next line. */
  #next = 0;
  #nextLine = 1;
  #finished = false;
  #insideQuotes = false;
  /** Whether the next line ends at its first newline, whatever its quotes say. */
  #forceFirst = false;
  /** The bytes before this offset are known to be UTF-8. */
  #validEnd = 0;
  /** Offsets of the next quote and backslash, cached because most lines have neither. */
  #quote = 0;
  #backslash = 0;

  /** `encodingRemedy` is where the encoding of the input can be set, for messages. */
  constructor(maxBytes: number, encodingRemedy?: string) {
    this.#maxBytes = maxBytes;
    this.#encodingRemedy = encodingRemedy;
  }

  add(chunk: Buffer): void {
    const rest = this.buf.subarray(this.#next);
    this.buf = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    this.#next = 0;
    this.#quote = this.#backslash = 0;
    this.#validate(this.buf.lastIndexOf(newline) + 1);
  }

  /** No more chunks follow: the remaining bytes are lines too. */
  finish(): void {
    this.#finished = true;
    this.#validate(this.buf.length);
  }

  /** Whether at least one physical line waits for a quote to be closed. */
  get isInsideQuotes(): boolean {
    return this.#insideQuotes;
  }

  /** Whether the current line spans several physical lines. */
  get isMultiline(): boolean {
    return this.#firstNewline >= 0;
  }

  /** Stops waiting for the quote to be closed: the line ends at its first newline. */
  giveUpQuotes(): void {
    this.#forceFirst = this.#insideQuotes;
  }

  /** Ends the current multi-line line at its first newline; what follows is split again. */
  cutToFirstNewline(): void {
    this.end = this.#firstNewline;
    this.#next = this.end + 1;
    this.#nextLine = this.line + 1;
    this.#firstNewline = -1;
  }

  /**
   * Moves to the next line. False if it is not complete yet.
   *
   * `tryParse` gets each physical line that has quotes. If it returns true, the line ends there and `isParsed` is set:
   * this takes half the time of looking for the end of the quotes first.
   */
  next(kind: LineKind, tryParse?: (buf: Buffer, start: number, end: number) => boolean): boolean {
    const { buf } = this;
    this.isParsed = false;
    this.problem = undefined;
    this.#firstNewline = -1;
    this.#insideQuotes = false;
    if (this.#skipping) this.#skip();
    while (hasMarkAt(buf, this.#next)) this.#next += byteOrderMark.length;
    const start = this.#next;
    if (start === buf.length) return false;
    const isOversized = buf.length - start > this.#maxBytes;
    const first = buf.indexOf(newline, start);
    let end = first;
    let lines = 1;
    if (kind === 'quoted' && first >= 0 && !this.#forceFirst && this.#special(start) < first) {
      const canParse = first <= this.#validEnd && first - start <= this.#maxBytes;
      this.isParsed = canParse && tryParse?.(buf, start, first) === true;
      end = this.isParsed ? first : quotedEnd(buf, start);
      if (end > first || end < 0) {
        const isWhole = end >= 0 && (end < buf.length || this.#finished);
        if (!isWhole && !this.#finished && !isOversized) {
          this.#insideQuotes = end < 0;
          return false;
        }
        if (!isWhole || end - start > this.#maxBytes) end = first;
        else {
          lines = countNewlines(buf, start, end) + 1;
          if (lines > 1) this.#firstNewline = first;
        }
      }
    }
    this.#forceFirst = false;
    if (end < 0) {
      if (!this.#finished && !isOversized) return false;
      end = buf.length;
      this.#skipping = !this.#finished;
    }
    this.start = start;
    this.end = end;
    this.line = this.#nextLine;
    this.#next = Math.min(end + 1, buf.length);
    // A line whose rest is skipped is counted at its newline.
    if (!this.#skipping) this.#nextLine += lines;
    if (end - start > this.#maxBytes) {
      this.problem = new UdfError('malformed', `it has more than ${this.#maxBytes} bytes`);
    } else if (end > this.#validEnd && !isUtf8(buf.subarray(start, end)))
      this.problem = notUtf8(this.#encodingRemedy);
    return true;
  }

  /** Checks all complete lines of a chunk at once; only if that fails each line is checked by itself. */
  #validate(end: number): void {
    this.#validEnd = isUtf8(this.buf.subarray(this.#next, end)) ? end : 0;
  }

  #skip(): void {
    const end = this.buf.indexOf(newline, this.#next);
    this.#next = end < 0 ? this.buf.length : end + 1;
    if (end < 0) return;
    this.#skipping = false;
    this.#nextLine++;
  }

  /** Offset of the next quote or backslash. */
  #special(start: number): number {
    if (this.#quote < start || this.#quote === 0) this.#quote = position(this.buf, quote, start);
    if (this.#backslash < start || this.#backslash === 0)
      this.#backslash = position(this.buf, backslash, start);
    return Math.min(this.#quote, this.#backslash);
  }
}

/** Text that is not UTF-8; `remedy` is where its encoding can be set. */
export function notUtf8(remedy = '; set their encoding with --encoding'): UdfError {
  return new UdfError('malformed', `it has bytes that are not UTF-8${remedy}`);
}

/** Files that are joined keep their byte order marks, each at a line's start. */
function hasMarkAt(buf: Buffer, start: number): boolean {
  return (
    buf[start] === byteOrderMark[0] && buf.subarray(start, start + byteOrderMark.length).equals(byteOrderMark)
  );
}

function position(buf: Buffer, code: number, start: number): number {
  const at = buf.indexOf(code, start);
  return at < 0 ? buf.length : at;
}

/**
 * Where a line of line protocol ends: at a newline, or at the end of the buffer; -1 if a quote is open there. As in
 * Kapacitor, quotes count behind the first space, in a value only, and a backslash escapes the next byte.
 */
function quotedEnd(buf: Buffer, start: number): number {
  const { length } = buf;
  let at = start;
  while (buf[at] === space || buf[at] === tab) at++;
  if (buf[at] === hash) return position(buf, newline, at);
  let fields = false;
  let value = false;
  for (; at < length; at++) {
    const code = buf[at]!;
    if (code > equals && code !== backslash) continue;
    if (code === newline) return at;
    if (code === backslash) at++;
    else if (code === space) fields = true;
    else if (code === quote && value) {
      at = closingQuote(buf, at + 1, length);
      if (at >= length) return -1;
    } else if (code === equals) value = fields;
    else if (code === comma) value = false;
  }
  return length;
}

/** Where a quoted text ends; `length` or more if it does not. */
function closingQuote(buf: Buffer, start: number, length: number): number {
  let at = start;
  while (at < length && buf[at] !== quote) at += buf[at] === backslash ? 2 : 1;
  return at;
}

function countNewlines(buf: Buffer, start: number, end: number): number {
  let count = 0;
  for (let at = buf.indexOf(newline, start); at >= 0 && at < end; at = buf.indexOf(newline, at + 1)) count++;
  return count;
}
