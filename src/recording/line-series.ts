import { setEntry, type Tags } from '../model/values.js';
import { backslash, comma, equals, space } from './bytes.js';
import { viewToRead } from '../wire/view.js';
import { copyWords, equalWords, hashWords, wordsIn } from '../wire/words.js';

/** What is wrong with a line, and at which offset. */
export class LineParseError extends Error {
  override readonly name = 'LineParseError';
  readonly at: number;

  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

/** A measurement and its tags. */
export interface Series {
  readonly name: string;
  readonly tags: Tags;
}

/** InfluxDB's limit on measurement and tags. */
const maxSeriesBytes = 65_535;

/** The series in `buf[start..end)`, up to the space before the fields. Throws `LineParseError`. */
export function parseSeries(buf: Buffer, start: number, end: number): Series {
  let at = wordEnd(buf, start, end, comma, comma);
  if (at === start) throw new LineParseError('the measurement is empty', at);
  if (end - start > maxSeriesBytes) {
    throw new LineParseError(
      `measurement and tags take ${end - start} bytes; at most ${maxSeriesBytes} are possible`,
      start,
    );
  }
  const name = unescape(buf.toString('utf8', start, at), specials);
  const tags: Record<string, string> = {};
  while (at < end) {
    const keyStart = at + 1;
    const keyEnd = wordEnd(buf, keyStart, end, comma, equals);
    const key = unescape(buf.toString('utf8', keyStart, keyEnd), tagSpecials);
    if (keyEnd === keyStart) throw new LineParseError('a tag key is empty', keyStart);
    if (buf[keyEnd] !== equals || keyEnd === end)
      throw new LineParseError(`tag "${key}" has no value`, keyEnd);
    const valueStart = keyEnd + 1;
    // InfluxDB accepts a first equals sign without a backslash.
    const valueEnd = wordEnd(buf, valueStart + (buf[valueStart] === equals ? 1 : 0), end, comma, equals);
    if (valueEnd === valueStart) throw new LineParseError(`the value of tag "${key}" is empty`, valueStart);
    if (buf[valueEnd] === equals && valueEnd < end) {
      throw new LineParseError(`the value of tag "${key}" has an = without a backslash`, valueEnd);
    }
    if (Object.hasOwn(tags, key)) throw new LineParseError(`tag "${key}" is given twice`, keyStart);
    setEntry(tags, key, unescape(buf.toString('utf8', valueStart, valueEnd), tagSpecials));
    at = valueEnd;
  }
  return { name, tags };
}

/** The end of the series that begins at `start`: the first unescaped space. */
export function seriesEnd(buf: Buffer, start: number, end: number): number {
  return wordEnd(buf, start, end, space, space);
}

/** Offset of the first unescaped one of two bytes; `end` if there is none. */
function wordEnd(buf: Buffer, start: number, end: number, one: number, other: number): number {
  let before = 0;
  for (let at = start; at < end; at++) {
    const code = buf[at]!;
    if ((code === one || code === other) && before !== backslash) return at;
    before = code;
  }
  return end;
}

const specials = /\\([, ="])/g;
const tagSpecials = /\\([, =])/g;

/** A backslash before anything but a special character is itself. */
function unescape(text: string, escapes: RegExp): string {
  return text.includes('\\') ? text.replace(escapes, '$1') : text;
}

/** Unescapes a field's key. */
export function unescapeFieldKey(text: string): string {
  return unescape(text, specials);
}

/** Builds what a parser caches per series, such as a point template. `written` are the series' bytes in the line. */
export type MakeSeries<Series> = (name: string, tags: Tags, written: Buffer) => Series;

/** A cached value, and the bytes that it belongs to as words. */
interface Cached<Value> {
  readonly words: Int32Array;
  readonly length: number;
  readonly value: Value;
  /** The slot of what was asked for after it the last time: lines mostly come in rounds of the same series. */
  next: number;
}

/**
 * A cache of what was made from a range of bytes, such as a series: parsing name and tags for every point would cost more
 * than all the rest. Its fixed size bounds memory at any number of ranges.
 */
export class BytesTable<Value> {
  readonly #table: (Cached<Value> | undefined)[];
  readonly #mask: number;
  #last: Cached<Value> | undefined;

  /** `size` must be a power of two. */
  constructor(size: number) {
    this.#table = new Array<Cached<Value> | undefined>(size).fill(undefined);
    this.#mask = size - 1;
  }

  /**
   * Where the bytes end that are likely to be at `start`, if they are there: those that followed the last ones before, up to
   * a byte `behind`. -1 if others are there. The value is `predicted`.
   */
  predict(buf: Buffer, start: number, end: number, behind: number): number {
    const next = this.#last && this.#table[this.#last.next];
    if (next === undefined) return -1;
    const at = start + next.length;
    if (at >= end || buf[at] !== behind || !equalWords(next.words, 0, viewToRead(buf), start, next.length))
      return -1;
    this.#last = next;
    return at;
  }

  /** The value of the bytes that `predict` found. */
  get predicted(): Value {
    return this.#last!.value;
  }

  /** The value of `buf[start..end)`, if it is cached. */
  get(buf: Buffer, start: number, end: number): Value | undefined {
    const view = viewToRead(buf);
    const length = end - start;
    let slot = hashWords(view, start, length, 0) & this.#mask;
    // Two slots: ranges that share one would otherwise replace each other all the time.
    let cached = this.#table[slot];
    if (cached?.length !== length || !equalWords(cached.words, 0, view, start, length)) {
      slot ^= 1;
      cached = this.#table[slot];
      if (cached?.length !== length || !equalWords(cached.words, 0, view, start, length)) return undefined;
    }
    this.#follow(cached, slot);
    return cached.value;
  }

  set(buf: Buffer, start: number, end: number, value: Value): void {
    const view = viewToRead(buf);
    const length = end - start;
    const words = new Int32Array(wordsIn(length));
    copyWords(words, 0, view, start, length);
    const slot = hashWords(view, start, length, 0) & this.#mask;
    this.#table[slot ^ 1] ??= this.#table[slot];
    const cached = { words, length, value, next: slot };
    this.#table[slot] = cached;
    this.#follow(cached, slot);
  }

  #follow(cached: Cached<Value>, slot: number): void {
    if (this.#last) this.#last.next = slot;
    this.#last = cached;
  }
}
