import { LineParseError } from './line-series.js';

/** A cell: null if nothing stands between its commas. Empty quotes are an empty text. */
export type Cell = string | null;

/** No record is longer: what seems so has a quote that nothing closes. In characters. */
const maxRecordBytes = 16 * 1024 * 1024;

/**
 * Splits CSV (RFC 4180) into records. A record that is wrong ends with its first line, so that a quote that nothing closes
 * costs that line and not the rest of the file, as it does with a parser that goes on in the state it was in.
 */
export class CsvRecords {
  /** The record found last, and the number of its first line, from 1. */
  cells: readonly Cell[] = [];
  line = 0;
  /** What is wrong with it, if something is. */
  parseError: LineParseError | undefined;

  readonly #decoder = new TextDecoder(); // leaves out a byte order mark
  #text = '';
  #next = 0;
  #nextLine = 1;
  #finished = false;
  /** Whether the rest of a line that was too long is still to be passed over. */
  #skipping = false;
  /** Where the next quote is: most records have none, which is then known without looking. */
  #quote = -1;

  add(chunk: Uint8Array): void {
    this.#text = this.#text.slice(this.#next) + this.#decoder.decode(chunk, { stream: true });
    this.#next = 0;
    this.#quote = -1;
  }

  /** No more comes: what is left is a record too. */
  finish(): void {
    this.#text = this.#text.slice(this.#next) + this.#decoder.decode();
    this.#next = 0;
    this.#quote = -1;
    this.#finished = true;
  }

  /** Goes on to the next record. False if it has not come whole. */
  next(): boolean {
    if (this.#skipping) this.#skip();
    const text = this.#text;
    const start = this.#next;
    if (start === text.length) return false;
    const newline = text.indexOf('\n', start);
    const isLong = text.length - start > maxRecordBytes;
    if (newline < 0 && !this.#finished && !isLong) return false;
    const lineEnd = newline < 0 ? text.length : newline;
    if (this.#quote < start) this.#quote = position(text, '"', start);

    this.line = this.#nextLine;
    this.parseError = undefined;
    let end = lineEnd;
    if (newline < 0 && isLong) {
      this.#skipping = !this.#finished;
      this.#fail(`the record has more than ${maxRecordBytes} characters`, start);
    } else if (this.#quote >= lineEnd) {
      this.cells = text.slice(start, withoutReturn(text, lineEnd)).split(',').map(cellOf);
    } else {
      const record = quotedRecord(text, start);
      const isWhole = record.end !== undefined && (record.end < text.length || this.#finished);
      if (!isWhole && !record.parseError && !this.#finished && !isLong) return false;
      this.cells = record.cells;
      if (record.parseError) this.#fail(record.parseError, record.at);
      else if (record.end === undefined) this.#fail('a quote is not closed', record.at);
      else end = record.end;
    }
    this.#next = Math.min(end + 1, text.length);
    if (!this.#skipping) this.#nextLine += 1 + newlinesIn(text, start, end);
    return true;
  }

  #fail(message: string, at: number): void {
    this.cells = [];
    this.parseError = new LineParseError(message, at);
  }

  /** Passes over what is left of a line that was too long. */
  #skip(): void {
    const end = this.#text.indexOf('\n', this.#next);
    this.#next = end < 0 ? this.#text.length : end + 1;
    if (end < 0) return;
    this.#skipping = false;
    this.#nextLine++;
  }
}

/** A record that may have quotes; `end` is undefined if the text ends inside them. */
interface QuotedRecord {
  readonly cells: readonly Cell[];
  readonly end?: number;
  readonly parseError?: string;
  /** Where the error, or the quote that is not closed, is. */
  readonly at: number;
}

function quotedRecord(text: string, start: number): QuotedRecord {
  const cells: Cell[] = [];
  for (let at = start; ;) {
    let end: number;
    if (text[at] === '"') {
      let close = at;
      do close = text.indexOf('"', close + 1);
      while (close >= 0 && text[close + 1] === '"' && close++ >= 0);
      if (close < 0) return { cells, at };
      cells.push(text.slice(at + 1, close).replaceAll('""', '"'));
      end = close + 1;
      if (text[end] === '\r' && (end + 1 === text.length || text[end + 1] === '\n')) end++;
      const after = text[end];
      if (after !== undefined && after !== ',' && after !== '\n') {
        return {
          cells,
          parseError: `a comma should follow the quote that closes, not ${JSON.stringify(after)}`,
          at: end,
        };
      }
    } else {
      end = at;
      while (end < text.length && text[end] !== ',' && text[end] !== '\n') end++;
      const cell = text.slice(at, text[end] === ',' ? end : withoutReturn(text, end));
      if (cell.includes('"'))
        return { cells, parseError: 'there is a quote inside a cell that does not begin with one', at };
      cells.push(cellOf(cell));
    }
    if (text[end] !== ',') return { cells, end, at: end };
    at = end + 1;
  }
}

const cellOf = (text: string): Cell => (text === '' ? null : text);

/** Where a line ends whose newline is at `end`: a carriage return before it is a part of the line's end. */
function withoutReturn(text: string, end: number): number {
  return text[end - 1] === '\r' ? end - 1 : end;
}

function position(text: string, what: string, start: number): number {
  const at = text.indexOf(what, start);
  return at < 0 ? text.length : at;
}

function newlinesIn(text: string, start: number, end: number): number {
  let count = 0;
  for (let at = text.indexOf('\n', start); at >= 0 && at < end; at = text.indexOf('\n', at + 1)) count++;
  return count;
}
