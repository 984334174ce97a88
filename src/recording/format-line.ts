import { UdfError } from '../model/errors.js';
import type { Fields, FieldValue, Tags } from '../model/values.js';
import { LazyBatch } from '../wire/lazy-batch.js';
import type { RecordedItem } from './format.js';

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

/** A point as line protocol. Throws `invalid_argument` for a batch, and for what line protocol cannot hold. */
export function formatPointLine(item: RecordedItem): string {
  if (item instanceof LazyBatch) {
    throw new UdfError('invalid_argument', 'line protocol holds points, not batches');
  }
  return formatLine({ name: item.name, tags: item.tags, fields: item.fields, time: item.time });
}

/** Kapacitor reads its recordings line by line, and a line with its newline has at most so many bytes. */
const maxBytes = 65_536;

/**
 * A point as Kapacitor's stream recordings have it: database, retention policy, line protocol. Throws
 * `invalid_argument` for what Kapacitor could not read there.
 */
export function formatStreamEntry(item: RecordedItem): string {
  if (item instanceof LazyBatch) throw cannot('a batch; write it to a .brpl recording');
  const { database, retentionPolicy } = item;
  for (const [what, text] of [
    ['database', database],
    ['retention policy', retentionPolicy],
  ] as const) {
    if (/\n|\r$/.test(text))
      throw cannot(`the ${what} ${JSON.stringify(text)}: it has the end of a line in it`);
  }
  const line = formatPointLine(item);
  if (line.includes('\n')) throw cannot('a newline in a text: Kapacitor reads a point from one line');
  const bytes = Buffer.byteLength(line) + 1;
  if (bytes > maxBytes) throw cannot(`a point of ${bytes} bytes: Kapacitor reads at most ${maxBytes}`);
  return `${database}\n${retentionPolicy}\n${line}`;
}

function cannot(what: string): UdfError {
  return new UdfError('invalid_argument', `a .srpl recording cannot hold ${what}`);
}
