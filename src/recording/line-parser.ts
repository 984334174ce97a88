import { UdfError } from '../model/errors.js';
import { backslash, carriageReturn, comma, dot, equals, minus, quote, space, tab, zero } from './bytes.js';
import { FieldList } from './field-list.js';
import {
  inRange,
  nanosecondsOf,
  readNumber,
  readTime,
  scannedDouble,
  scannedKind,
  scannedNanoseconds,
  scannedValue,
  scanNumber,
  scanTime,
} from './line-number.js';
import {
  LineParseError,
  type MakeSeries,
  parseSeries,
  seriesEnd,
  BytesTable,
  unescapeFieldKey,
} from './line-series.js';
import { nanosecondsIn, type Precision, precisionHint } from './times.js';

export interface LineParserOptions {
  /** The unit of the times: nanoseconds by default. */
  readonly precision?: Precision | undefined;
  /** Accept unsigned integers (`5u`), which only InfluxDB 2.x stores; their values may be beyond an int64. */
  readonly allowUnsigned?: boolean | undefined;
}

const maxCachedSeries = 16_384;

/**
 * Parses lines of line protocol as Kapacitor 1.x and InfluxDB 1.x do. The result is in its properties until the next
 * call: nothing is allocated per point but the values.
 *
 * Of a field that is given twice, the last value counts, as in InfluxDB. It is stricter where they accept nonsense by accident: text behind a closing quote (`v="a"b`) is malformed. And it
 * accepts a carriage return before the newline, which they do not.
 */
export class LineParser<Series> {
  series!: Series;
  readonly fields = new FieldList();

  /**
   * The whole seconds of the time, which `nanoseconds` belong to; -1 if the line has no time, or one that has to be read
   * from `time`: in another unit than nanoseconds, near either end of an int64's range, or before 1970.
   */
  seconds = -1;
  /** The nanoseconds of the time beyond `seconds`. */
  nanoseconds = 0;
  /** Offset of the time in the buffer; the line's end if it has none. */
  timeStart = 0;

  readonly #table = new BytesTable<Series>(maxCachedSeries);
  readonly #make: MakeSeries<Series>;
  readonly #unit: bigint;
  /** Compared instead of `#unit`: BigInts compare slowly. */
  readonly #isScaled: boolean;
  readonly #allowUnsigned: boolean;
  #time: bigint | undefined;
  /** End of the last key or value. */
  #at = 0;

  constructor(make: MakeSeries<Series>, { precision = 'ns', allowUnsigned = false }: LineParserOptions = {}) {
    this.#make = make;
    this.#unit = nanosecondsIn[precision];
    this.#isScaled = precision !== 'ns';
    this.#allowUnsigned = allowUnsigned;
  }

  /** Nanoseconds since the epoch; a line may leave it out. */
  get time(): bigint | undefined {
    return this.seconds < 0 ? this.#time : nanosecondsOf(this.seconds, this.nanoseconds);
  }

  /** Parses one whole line, `buf[start..end)`. Throws `malformed` with what is wrong and at which column. */
  parse(buf: Buffer, start: number, end: number): void {
    try {
      this.#parse(buf, start, end);
    } catch (reason) {
      if (!(reason instanceof LineParseError)) throw reason;
      const column = buf.toString('utf8', start, Math.min(reason.at, end)).length + 1;
      throw new UdfError('malformed', `${reason.message} (column ${column})`);
    }
  }

  /** `parse` that returns false for a malformed line; for `LineSplitter.next`. */
  readonly tryParse = (buf: Buffer, start: number, end: number): boolean => {
    try {
      this.#parse(buf, start, end);
      return true;
    } catch (reason) {
      if (reason instanceof LineParseError) return false;
      throw reason;
    }
  };

  #parse(buf: Buffer, start: number, lineEnd: number): void {
    let end = lineEnd;
    if (buf[end - 1] === carriageReturn) end--;
    const seriesStart = skipBlanks(buf, start, end);
    let fieldsStart = this.#table.predict(buf, seriesStart, end, space);
    if (fieldsStart >= 0) this.series = this.#table.predicted;
    else {
      fieldsStart = seriesEnd(buf, seriesStart, end);
      this.series =
        this.#table.get(buf, seriesStart, fieldsStart) ?? this.#newSeries(buf, seriesStart, fieldsStart);
    }
    let at = skipBlanks(buf, fieldsStart, end);
    if (at === end) throw new LineParseError(noFields(buf, seriesStart), at);
    const { fields } = this;
    fields.start(buf);
    for (; ; at = this.#at + 1) {
      if (fields.recognizes(buf, at)) this.#at = at + fields.length;
      else this.#key(buf, at, end);
      this.#value(buf, this.#at, end);
      if (this.#at === end || buf[this.#at] !== comma) break;
    }
    fields.finish();
    this.timeStart = skipBlanks(buf, this.#at, end);
    this.#readTime(buf, this.timeStart, end);
  }

  #newSeries(buf: Buffer, start: number, end: number): Series {
    const { name, tags } = parseSeries(buf, start, end);
    const series = this.#make(name, tags, buf.subarray(start, end));
    // One that is the whole line may end in a backslash, which would escape a space behind it.
    if (buf[end] === space) this.#table.set(buf, start, end, series);
    return series;
  }

  /** Reads a key and the equals sign behind it. */
  #key(buf: Buffer, start: number, end: number): void {
    let at = start;
    for (; at < end; at++) {
      const code = buf[at];
      if (code === equals || code === comma || code === space) break;
      if (code === backslash) at++;
    }
    const key = buf.toString('utf8', start, Math.min(at, end));
    if (at === start) throw new LineParseError('a field key is empty', at);
    if (at >= end || buf[at] !== equals || buf[at - 1] === backslash) {
      throw new LineParseError(`field "${key}" has no value`, at);
    }
    this.#at = at + 1;
    this.fields.rename(unescapeFieldKey(key), buf.subarray(start, at + 1));
  }

  /** Reads a value and adds it to the fields. */
  #value(buf: Buffer, start: number, end: number): void {
    const first = buf[start];
    if (first === quote && start < end) {
      this.#text(buf, start + 1, end);
      return;
    }
    const scanned = scanNumber(buf, start, end);
    if (scanned < 0) {
      this.#unusualValue(buf, start, end);
      return;
    }
    this.#at = scanned;
    if (scannedKind === scannedDouble) this.fields.addDouble(scannedValue);
    else this.fields.addInt(scannedValue);
  }

  #unusualValue(buf: Buffer, start: number, end: number): void {
    const { fields } = this;
    const first = buf[start]!;
    let at = start;
    while (at < end && buf[at] !== comma && buf[at] !== space) at++;
    this.#at = at;
    const digit = first - zero;
    const value =
      (digit >= 0 && digit <= 9) || first === minus || first === dot
        ? readNumber(buf, start, at, this.#allowUnsigned)
        : booleans.get(buf.toString('latin1', start, at));
    if (value === undefined) {
      const literal = buf.toString('utf8', start, at) || 'nothing';
      throw new LineParseError(`field "${this.#field}" ${valueProblem(literal)}: ${literal}`, start);
    }
    if (typeof value === 'boolean') fields.addBool(value);
    else if (typeof value === 'number') fields.addDouble(value);
    else {
      if (buf[at - 1] === letterU) fields.unsignedNames.push(this.#field);
      fields.addWideInt(value);
    }
  }

  #text(buf: Buffer, start: number, end: number): void {
    let escaped = false;
    for (let at = start; at < end; at++) {
      const code = buf[at];
      if (code === backslash) {
        escaped = true;
        at++;
      } else if (code === quote) {
        this.#at = at + 1;
        if (at + 1 < end && buf[at + 1] !== comma && buf[at + 1] !== space) {
          throw new LineParseError(
            `there is something behind the closing quote of field "${this.#field}"`,
            at + 1,
          );
        }
        if (escaped) this.fields.addUnescapedText(buf.toString('utf8', start, at).replace(textEscapes, '$1'));
        else this.fields.addText(start, at);
        return;
      }
    }
    throw new LineParseError(`the text of field "${this.#field}" has no closing quote`, start - 1);
  }

  /** The name of the field that is being read. */
  get #field(): string {
    return this.fields.names[this.fields.count]!;
  }

  #readTime(buf: Buffer, start: number, end: number): void {
    if (!this.#isScaled) {
      this.seconds = scanTime(buf, start, end);
      this.nanoseconds = scannedNanoseconds;
      if (this.seconds >= 0) return;
    }
    this.seconds = -1;
    this.#time = this.#unusualTime(buf, start, end);
  }

  #unusualTime(buf: Buffer, start: number, end: number): bigint | undefined {
    if (start === end) return undefined;
    let at = start;
    if (buf[at] === minus) at++;
    while (at < end && buf[at]! >= zero && buf[at]! <= zero + 9) at++;
    const digits = readTime(buf, start, at);
    const time = this.#isScaled && digits !== undefined ? inRange(digits * this.#unit) : digits;
    const stop = at;
    while (at < end && buf[at] === space) at++;
    if (at === end && time !== undefined) return time;
    const text = buf.toString('utf8', start, end);
    const isBeyond = at === end && stop > start + 1;
    const why = isBeyond
      ? `beyond what a time can be${precisionHint(text.trim())}`
      : 'no time in nanoseconds';
    throw new LineParseError(`"${text}" is ${why}`, start);
  }
}

function valueProblem(literal: string): string {
  if (literal === '') return 'has no value';
  if (/^-?\d+i$/.test(literal)) return 'is beyond 64 bits';
  if (/^\d+u$/.test(literal)) return 'is an unsigned integer, which InfluxDB 1.x and Kapacitor do not have';
  return 'is no number, integer (10i), boolean or quoted text';
}

const nul = 0;
const letterU = 0x75;

/** Skips what InfluxDB accepts around the parts of a line. */
function skipBlanks(buf: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && (buf[at] === space || buf[at] === tab || buf[at] === nul)) at++;
  return at;
}

const textEscapes = /\\(["\\])/g;

const booleans: ReadonlyMap<string, boolean> = new Map([
  ...['t', 'T', 'true', 'True', 'TRUE'].map((text) => [text, true] as const),
  ...['f', 'F', 'false', 'False', 'FALSE'].map((text) => [text, false] as const),
]);

const brace = 0x7b;

/** Why a line has no fields. */
function noFields(buf: Buffer, start: number): string {
  return buf[start] === brace
    ? 'this is JSON, not line protocol; a file of JSON Lines must be named .jsonl'
    : 'fields are missing: a line is measurement,tag=text field=value time';
}
