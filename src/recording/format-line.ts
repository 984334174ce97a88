import { UdfError } from '../model/errors.js';
import type { Fields, FieldValue, Tags } from '../model/values.js';
import { LazyBatch } from '../wire/lazy-batch.js';
import type { RecordedItem } from './format.js';
import { inRange } from './line-number.js';

/** The content of a line of line protocol. */
export interface LineSource {
  readonly name: string;
  readonly tags: Tags;
  readonly fields: Fields;
  /** Nanoseconds since the epoch; optional in line protocol. */
  readonly time?: bigint | undefined;
}

/**
 * Formats a point as line protocol, tags and fields in their own order, its time in nanoseconds. The result has newlines
 * if a text field has.
 *
 * Throws `invalid_argument` naming what line protocol cannot hold: a point without fields, NaN and infinities, empty
 * names and tag values, in names and tags a newline, or a backslash before a comma, space, equals sign, quote or the
 * end, and the few times at the ends of an int64's range that InfluxDB refuses.
 */
export function formatLine({ name, tags, fields, time }: LineSource): string {
  const line = `${formatSeries(name, tags)} ${formatFields(fields)}`;
  if (time === undefined) return line;
  if (inRange(time) === undefined) {
    throw new UdfError('invalid_argument', `line protocol cannot hold the time ${time}`);
  }
  return `${line} ${time}`;
}

/** Formats measurement and tags. Throws as `formatLine`. */
export function formatSeries(name: string, tags: Tags): string {
  let line = word('the measurement', name, measurementSpecials);
  if (line.startsWith('#')) throw impossible('the measurement', name, 'it would begin a comment');
  if (isBlank(line)) throw impossible('the measurement', name, 'what it begins with would be indentation');
  for (const key of Object.keys(tags)) {
    line += ',' + word('a tag key', key, keySpecials) + '=' + word('tag', tags[key]!, keySpecials, key);
  }
  return line;
}

/** Formats fields; those in `unsigned` as unsigned integers, if they are integers from 0. Throws as `formatLine`. */
export function formatFields(fields: Fields, unsigned?: ReadonlySet<string>): string {
  const keys = Object.keys(fields);
  if (keys.length === 0) throw new UdfError('invalid_argument', 'a line of line protocol needs a field');
  const first = keys[0]!;
  if (isBlank(first))
    throw impossible('a field key', first, 'what it begins with would part it from the tags');
  let text = '';
  let separator = '';
  for (const key of keys) {
    const value = fields[key]!;
    const isUnsigned = unsigned?.has(key) === true && typeof value === 'bigint' && value >= 0n;
    text += separator + word('a field key', key, fieldKeySpecials) + '=';
    text += isUnsigned ? `${value}u` : literal(key, value);
    separator = ',';
  }
  return text;
}

/** Formats a point for people: as line protocol, or similarly if that cannot hold it. Never throws. */
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

/** InfluxDB skips tabs and NULs, besides spaces, before the parts of a line. */
function isBlank(text: string): boolean {
  return text.startsWith('\t') || text.startsWith('\0');
}

const measurementSpecials = /[, ]/g;
const keySpecials = /[, =]/g;
const fieldKeySpecials = /[, ="]/g;

/** Most words match this: one test instead of four. */
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

/** Formats a point as line protocol. Throws `invalid_argument` for a batch, and for what line protocol cannot hold. */
export function formatPointLine(item: RecordedItem): string {
  if (item instanceof LazyBatch) {
    throw new UdfError('invalid_argument', 'line protocol holds points, not batches');
  }
  return formatLine({ name: item.name, tags: item.tags, fields: item.fields, time: item.time });
}

/** Max bytes of a line in Kapacitor's recordings, its newline included. */
const maxLineBytes = 65_536;

/**
 * Formats a point as an entry of Kapacitor's stream recordings: database, retention policy, line protocol. Throws
 * `invalid_argument` for what Kapacitor could not read back.
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
  if (bytes > maxLineBytes)
    throw cannot(`a point of ${bytes} bytes: Kapacitor reads at most ${maxLineBytes}`);
  return `${database}\n${retentionPolicy}\n${line}`;
}

function cannot(what: string): UdfError {
  return new UdfError('invalid_argument', `a .srpl recording cannot hold ${what}`);
}
