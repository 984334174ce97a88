import { UdfError } from '../errors.js';
import { type Fields, type FieldValue, setEntry, type Tags } from '../values.js';

/** A point as InfluxDB's line protocol has it. */
export interface LinePoint {
  readonly name: string;
  readonly tags: Tags;
  readonly fields: Fields;
  /** Nanoseconds since the epoch; a line may leave it out. */
  readonly time: bigint | undefined;
}

/**
 * One point of line protocol, with a time in nanoseconds, as InfluxDB 1.x and Kapacitor read it. The text is one
 * point's, though a quoted string in it may hold newlines.
 *
 * Throws `malformed` that says what is wrong and at which column.
 */
export function parseLine(text: string): LinePoint {
  return new LineParser(text).point();
}

const space = 0x20;
const quote = 0x22;
const comma = 0x2c;
const equals = 0x3d;
const backslash = 0x5c;

class LineParser {
  #at = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  point(): LinePoint {
    this.#skipSpaces();
    const name = this.#word('the measurement', measurementEnds, measurementEscapes);
    const tags: Record<string, string> = {};
    while (this.#take(comma)) {
      const key = this.#word('a tag key', keyEnds, keyEscapes);
      if (!this.#take(equals)) throw this.#error(`tag "${key}" has no value`);
      setEntry(tags, key, this.#word(`the value of tag "${key}"`, tagValueEnds, keyEscapes));
    }
    if (this.#code() !== space) throw this.#error('fields are missing');
    this.#skipSpaces();

    const fields: Record<string, FieldValue> = {};
    do {
      const key = this.#word('a field key', keyEnds, fieldKeyEscapes);
      if (!this.#take(equals)) throw this.#error(`field "${key}" has no value`);
      setEntry(fields, key, this.#code() === quote ? this.#string(key) : this.#literal(key));
    } while (this.#take(comma));

    this.#skipSpaces();
    const time = this.#text.slice(this.#at).trimEnd();
    if (time === '') return { name, tags, fields, time: undefined };
    if (!/^-?\d+$/.test(time)) throw this.#error(`"${time}" is no time in nanoseconds`);
    return { name, tags, fields, time: int64(time) ?? this.#fail(`the time ${time} is beyond 64 bits`) };
  }

  #code(): number {
    return this.#text.charCodeAt(this.#at);
  }

  #take(code: number): boolean {
    if (this.#code() !== code) return false;
    this.#at++;
    return true;
  }

  #skipSpaces(): void {
    while (this.#code() === space) this.#at++;
  }

  /** Text up to an unescaped one of `ends`. A backslash before anything but one of `escapes` is itself. */
  #word(what: string, ends: ReadonlySet<number>, escapes: RegExp): string {
    const text = this.#text;
    const start = this.#at;
    let escaped = false;
    let at = start;
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code === backslash) {
        escaped = true;
        at++;
      } else if (ends.has(code)) break;
    }
    this.#at = Math.min(at, text.length);
    if (this.#at === start) throw this.#error(`${what} is empty`);
    const word = text.slice(start, this.#at);
    return escaped ? word.replace(escapes, '$1') : word;
  }

  #string(key: string): string {
    const text = this.#text;
    const start = ++this.#at;
    let escaped = false;
    for (let at = start; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code === backslash) {
        escaped = true;
        at++;
      } else if (code === quote) {
        this.#at = at + 1;
        const value = text.slice(start, at);
        return escaped ? value.replace(/\\(["\\])/g, '$1') : value;
      }
    }
    throw this.#error(`the text of field "${key}" has no closing quote`);
  }

  #literal(key: string): FieldValue {
    const start = this.#at;
    let code = this.#code();
    while (code === code && code !== comma && code !== space && code !== newline) {
      this.#at++;
      code = this.#code();
    }
    const literal = this.#text.slice(start, this.#at);
    const boolean = booleans.get(literal);
    if (boolean !== undefined) return boolean;
    if (/^-?\d+i$/.test(literal)) {
      return int64(literal.slice(0, -1)) ?? this.#fail(`field "${key}" is beyond 64 bits: ${literal}`);
    }
    const number = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(literal) ? Number(literal) : NaN;
    if (Number.isFinite(number)) return number;
    throw this.#error(
      `field "${key}" is no number, integer (10i), boolean or quoted text: ${literal || 'nothing'}`,
    );
  }

  #fail(message: string): never {
    throw this.#error(message);
  }

  #error(message: string): UdfError {
    return new UdfError('malformed', `${message} (column ${this.#at + 1})`);
  }
}

const newline = 0x0a;
const measurementEnds: ReadonlySet<number> = new Set([comma, space]);
const keyEnds: ReadonlySet<number> = new Set([comma, equals, space]);
const tagValueEnds: ReadonlySet<number> = new Set([comma, space]);
const measurementEscapes = /\\([, ])/g;
const keyEscapes = /\\([, =])/g;
const fieldKeyEscapes = /\\([, ="])/g;

const booleans: ReadonlyMap<string, boolean> = new Map([
  ...['t', 'T', 'true', 'True', 'TRUE'].map((text) => [text, true] as const),
  ...['f', 'F', 'false', 'False', 'FALSE'].map((text) => [text, false] as const),
]);

function int64(text: string): bigint | undefined {
  const value = BigInt(text);
  return BigInt.asIntN(64, value) === value ? value : undefined;
}
