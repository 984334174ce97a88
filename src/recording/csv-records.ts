import { isUtf8 } from 'node:buffer';
import { UdfError } from '../model/errors.js';
import { carriageReturn, newline } from './bytes.js';
import { notUtf8 } from './line-splitter.js';

/** A cell: null if nothing stands between its delimiters. Empty quotes are an empty text. */
export type Cell = string | null;

const byteOrderMark = '\uFEFF';

/** Max characters of a record. A longer one most likely has an unclosed quote. */
const maxRecordCharacters = 16 * 1024 * 1024;

/** Marks invalid bytes in decoded text: a lone surrogate, which valid UTF-8 never decodes to. */
const invalidMark = '\uDC80';
const loneMark = /[\uDC80]/u; // with the u flag, only outside surrogate pairs

/**
 * Splits CSV (RFC 4180) into records. A malformed record ends with its first line, so that a quote that is never closed
 * costs that line and not the rest of the file. Blanks around quotes are ignored. If the header ends in a lone
 * carriage return (classic Mac OS), all lines do.
 */
export class CsvRecords {
  /** The current record, and the number of its first line, from 1. */
  cells: readonly Cell[] = [];
  line = 0;
  /** Why the current record cannot be used. */
  problem: UdfError | undefined;
  /** Which cells of the current record are quoted; `undefined` if it has no quotes. */
  #quoted: readonly boolean[] | undefined;

  readonly #delimiter: string;
  /** Bytes of an incomplete line, which may end inside a character. */
  #bytes: Buffer[] = [];
  #text = '';
  #mayBeInvalid = false;
  #lineEnd: '\n' | '\r' | undefined;
  #next = 0;
  #nextLine = 1;
  #finished = false;
  #insideQuotes = false;
  #forceFirst = false;
  /** Whether the rest of a line that was too long is to be skipped. */
  #skipping = false;
  /** Offset of the next quote, cached because most records have none. */
  #quote = -1;

  constructor(delimiter = ',') {
    this.#delimiter = delimiter;
  }

  add(chunk: Buffer): void {
    const complete = Math.max(chunk.lastIndexOf(newline), chunk.lastIndexOf(carriageReturn)) + 1;
    if (complete === 0) {
      this.#bytes.push(chunk);
      // Bounds memory if no line ever ends.
      if (this.#bytes.reduce((sum, { length }) => sum + length, 0) > maxRecordCharacters)
        this.#decodeWaiting();
      return;
    }
    this.#decode(Buffer.concat([...this.#bytes, chunk.subarray(0, complete)]));
    this.#bytes = complete < chunk.length ? [chunk.subarray(complete)] : [];
  }

  /** No more chunks follow: the remaining text is a record too. */
  finish(): void {
    this.#decodeWaiting();
    this.#finished = true;
  }

  /** Whether at least one line waits for a quote to be closed. */
  get isInsideQuotes(): boolean {
    return this.#insideQuotes;
  }

  /** Stops waiting for the quote to be closed: the record ends with its first line. */
  giveUpQuotes(): void {
    this.#forceFirst = this.#insideQuotes;
  }

  /** Moves to the next record. False if it is not complete yet. */
  next(): boolean {
    this.#insideQuotes = false;
    const lineEnd = this.#lineEndOfFile();
    if (lineEnd === undefined) return false;
    if (this.#skipping) this.#skip(lineEnd);
    const text = this.#text;
    while (text[this.#next] === byteOrderMark) this.#next++; // joined files have one at the start of each
    const start = this.#next;
    if (start === text.length) return false;
    const first = text.indexOf(lineEnd, start);
    const isLong = text.length - start > maxRecordCharacters;
    if (first < 0 && !this.#finished && !isLong) return false;
    const firstEnd = first < 0 ? text.length : first;
    if (this.#quote < start) this.#quote = position(text, '"', start);

    let end = firstEnd;
    this.problem = undefined;
    if (first < 0 && isLong) {
      this.#skipping = !this.#finished;
      this.#fail(`the record has more than ${maxRecordCharacters} characters`);
    } else if (this.#quote >= firstEnd) {
      this.cells = text.slice(start, withoutReturn(text, firstEnd)).split(this.#delimiter).map(cellOf);
      this.#quoted = undefined;
    } else {
      const record = quotedRecord(text, start, this.#delimiter, lineEnd);
      const isWhole = record.end !== undefined && (record.end < text.length || this.#finished);
      const isGivenUp = this.#forceFirst && record.end === undefined;
      if (!isWhole && record.problem === undefined && !this.#finished && !isGivenUp && !isLong) {
        this.#insideQuotes = record.end === undefined;
        return false;
      }
      this.cells = record.cells;
      this.#quoted = record.quoted;
      if (record.problem !== undefined) this.#fail(record.problem);
      else if (record.end === undefined) this.#fail('a quote is not closed');
      else end = record.end;
    }
    this.#forceFirst = false;
    if (this.#mayBeInvalid && loneMark.test(text.slice(start, end))) {
      this.cells = [];
      this.problem = notUtf8();
    }
    this.line = this.#nextLine;
    this.#next = Math.min(end + 1, text.length);
    if (!this.#skipping) this.#nextLine += 1 + count(text, lineEnd, start, end);
    return true;
  }

  /** The current record without the blanks around cells that are not quoted. */
  trimmedCells(): readonly Cell[] {
    return this.cells.map((cell, index) => (this.#quoted?.[index] ? cell : cellOf(cell?.trim() ?? '')));
  }

  #decodeWaiting(): void {
    const bytes = this.#bytes;
    this.#bytes = [];
    this.#decode(Buffer.concat(bytes));
  }

  /** Decodes bytes, which must end at a character boundary or at the end of the file, and appends their text. */
  #decode(bytes: Buffer): void {
    let text = bytes.toString();
    if (!isUtf8(bytes)) {
      this.#mayBeInvalid = true;
      text = splitLines(bytes)
        .map((line) => (isUtf8(line) ? line.toString() : line.toString().replaceAll('\uFFFD', invalidMark)))
        .join('');
    }
    this.#text = this.#text.slice(this.#next) + text;
    this.#next = 0;
    this.#quote = -1;
  }

  /** The line ending of the first line, which holds for the whole file; `undefined` until it has been read. */
  #lineEndOfFile(): '\n' | '\r' | undefined {
    if (this.#lineEnd !== undefined) return this.#lineEnd;
    const text = this.#text;
    let at = 0;
    for (let quoted = false; at < text.length; at++) {
      const character = text[at];
      if (character === '"') quoted = !quoted;
      else if (character === '\n') break;
      else if (character === '\r' && !quoted) {
        if (at + 1 === text.length && !this.#finished) return undefined;
        if (text[at + 1] !== '\n') this.#lineEnd = '\r';
        break;
      }
    }
    if (at >= text.length && !this.#finished && text.length <= maxRecordCharacters) return undefined;
    return (this.#lineEnd ??= '\n');
  }

  #fail(message: string): void {
    this.cells = [];
    this.problem = new UdfError('malformed', message);
  }

  #skip(lineEnd: string): void {
    const end = this.#text.indexOf(lineEnd, this.#next);
    this.#next = end < 0 ? this.#text.length : end + 1;
    if (end < 0) return;
    this.#skipping = false;
    this.#nextLine++;
  }
}

/** A record that may have quotes; `end` is undefined if the text ends inside them. */
interface QuotedRecord {
  readonly cells: readonly Cell[];
  readonly quoted: readonly boolean[];
  readonly end?: number;
  readonly problem?: string;
}

function quotedRecord(text: string, start: number, delimiter: string, lineEnd: string): QuotedRecord {
  const cells: Cell[] = [];
  const quoted: boolean[] = [];
  for (let at = start; ;) {
    let end: number;
    const opening = skipBlanks(text, at, delimiter);
    if (text[opening] === '"') {
      let close = opening;
      do close = text.indexOf('"', close + 1);
      while (close >= 0 && text[close + 1] === '"' && close++ >= 0);
      if (close < 0) return { cells, quoted };
      quoted.push(true);
      cells.push(text.slice(opening + 1, close).replaceAll('""', '"'));
      end = skipBlanks(text, close + 1, delimiter);
      if (text[end] === '\r' && (end + 1 === text.length || text[end + 1] === '\n')) end++;
      const after = text[end];
      if (after !== undefined && after !== delimiter && after !== lineEnd && after !== '\n') {
        const problem = `a comma should follow the quote that closes, not ${JSON.stringify(after)}`;
        return {
          cells,
          quoted,
          problem: delimiter === ',' ? problem : problem.replace('comma', `"${delimiter}"`),
        };
      }
    } else {
      end = at;
      while (end < text.length && text[end] !== delimiter && text[end] !== lineEnd) end++;
      const cell = text.slice(at, text[end] === delimiter ? end : withoutReturn(text, end));
      if (cell.includes('"'))
        return { cells, quoted, problem: 'there is a quote inside a cell that does not begin with one' };
      quoted.push(false);
      cells.push(cellOf(cell));
    }
    if (text[end] !== delimiter) return { cells, quoted, end };
    at = end + 1;
  }
}

const cellOf = (text: string): Cell => (text === '' ? null : text);

function skipBlanks(text: string, start: number, delimiter: string): number {
  let at = start;
  while (text[at] === ' ' || (text[at] === '\t' && delimiter !== '\t')) at++;
  return at;
}

/** The end of a line's text, given the offset of its newline: a carriage return before that is excluded. */
function withoutReturn(text: string, end: number): number {
  return text[end - 1] === '\r' ? end - 1 : end;
}

function position(text: string, what: string, start: number): number {
  const at = text.indexOf(what, start);
  return at < 0 ? text.length : at;
}

function count(text: string, what: string, start: number, end: number): number {
  let found = 0;
  for (let at = text.indexOf(what, start); at >= 0 && at < end; at = text.indexOf(what, at + 1)) found++;
  return found;
}

/** Lines with their endings, whose bytes never occur inside a UTF-8 character. */
function splitLines(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  let start = 0;
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at] !== newline && bytes[at] !== carriageReturn) continue;
    lines.push(bytes.subarray(start, at + 1));
    start = at + 1;
  }
  if (start < bytes.length) lines.push(bytes.subarray(start));
  return lines;
}
