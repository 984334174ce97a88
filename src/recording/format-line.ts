import { UdfError } from '../model/errors.js';
import type { Fields, FieldValue, Tags } from '../model/values.js';

/** What a line of line protocol holds. */
export interface LineSource {
  readonly name: string;
  readonly tags: Tags;
  readonly fields: Fields;
  /** Nanoseconds since the epoch; left out if there is none. */
  readonly time?: bigint | undefined;
}

/**
 * A point as one point's line protocol, tags and fields in their own order, with its time in nanoseconds. A text field
 * may hold newlines, so the result may too.
 *
 * Throws `invalid_argument` naming what line protocol cannot hold: a point without fields, NaN and infinities, empty
 * names and tag values, in names and tags a newline, or a backslash before a comma, space, equals sign, quote or the
 * end, and the few times at the ends of an int64's range that InfluxDB does not take.
 */
export function formatLine({ name, tags, fields, time }: LineSource): string {
  let line = word('the measurement', name, measurementSpecials);
  if (line.startsWith('#')) throw impossible('the measurement', name, 'it would begin a comment');
  if (isBlank(line)) throw impossible('the measurement', name, 'what it begins with would be indentation');
  for (const key of Object.keys(tags)) {
    line += ',' + word('a tag key', key, keySpecials) + '=' + word('tag', tags[key]!, keySpecials, key);
  }
  const keys = Object.keys(fields);
  if (keys.length === 0) throw new UdfError('invalid_argument', 'a line of line protocol needs a field');
  const first = keys[0]!;
  if (isBlank(first))
    throw impossible('a field key', first, 'what it begins with would part it from the tags');
  let separator = ' ';
  for (const key of keys) {
    line += separator + word('a field key', key, fieldKeySpecials) + '=' + literal(key, fields[key]!);
    separator = ',';
  }
  if (time === undefined) return line;
  if (time < earliest || time > latest) {
    throw new UdfError('invalid_argument', `line protocol cannot hold the time ${time}`);
  }
  return `${line} ${time}`;
}

/** The same for people to read: what line protocol cannot hold is shown somehow. Never throws. */
export function showLine(point: LineSource): string {
  try {
    return formatLine(point);
  } catch {
    const { name, tags, fields, time } = point;
    const pairs = (record: Readonly<Record<string, FieldValue>>): string =>
      Object.entries(record)
        .map(([key, value]) => `${key}=${typeof value === 'bigint' ? `${value}i` : showValue(value)}`)
        .join(',');
    return `${JSON.stringify(name)} {${pairs(tags)}} {${pairs(fields)}} ${time ?? ''}`.trimEnd();
  }
}

/** The first and the last time that InfluxDB takes. */
const earliest = -(2n ** 63n) + 2n;
const latest = 2n ** 63n - 2n;

/** InfluxDB skips tabs and NULs, besides spaces, before the parts of a line. */
function isBlank(text: string): boolean {
  return text.startsWith('\t') || text.startsWith('\0');
}

const measurementSpecials = /[, ]/g;
const keySpecials = /[, =]/g;
const fieldKeySpecials = /[, ="]/g;

/** Most words are such: one look at them instead of four. */
const plain = /^[\w./:-]+$/;

/** A name, or the value of the tag called `key`. */
function word(kind: string, text: string, specials: RegExp, key?: string): string {
  if (plain.test(text)) return text;
  const what = key === undefined ? kind : `${kind} ${JSON.stringify(key)}`;
  if (text === '') throw new UdfError('invalid_argument', `line protocol cannot hold ${what} that is empty`);
  if (text.includes('\n')) throw impossible(what, text, 'it has a newline');
  if (/\\(?:[, ="]|$)/.test(text)) throw impossible(what, text, 'its backslash would escape what follows');
  return text.replace(specials, '\\$&');
}

function literal(key: string, value: FieldValue): string {
  if (typeof value === 'bigint') return `${value}i`;
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new UdfError('invalid_argument', `line protocol cannot hold ${value}, the value of field "${key}"`);
  }
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  return typeof value === 'string' ? `"${value.replace(/["\\]/g, '\\$&')}"` : String(value);
}

function showValue(value: FieldValue): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

function impossible(what: string, text: string, why: string): UdfError {
  return new UdfError(
    'invalid_argument',
    `line protocol cannot hold ${what} ${JSON.stringify(text)}: ${why}`,
  );
}
