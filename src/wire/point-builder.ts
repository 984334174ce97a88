import { UdfError } from '../errors.js';
import type { FieldInput, FieldInputs, Fields, LongLike, Tags } from '../values.js';
import { FrameArena, type FrameSpan } from './frame-arena.js';
import { lengthSize, writeLength } from './frame-header.js';
import { int64Of, isLongLike } from './int64.js';
import { writeDouble, writeInt64 } from './numbers.js';
import * as layout from './point-layout.js';
import type { PointSections } from './point-sections.js';
import { nameBytes, writeText } from './text.js';

/** What stands before the fields, byName included. */
export interface PointHead {
  readonly time: bigint | LongLike;
  readonly name: string;
  readonly database: string;
  readonly retentionPolicy: string;
  readonly group: string;
  readonly dimensions: readonly string[];
  readonly tags: Tags;
  readonly byName: boolean;
}

/** All points of the process are built here: as a rule nothing else runs between building one and emitting it. */
const arena = new FrameArena();

/** A point of a Point message's bytes as they are. */
export function buildFromBytes(message: Uint8Array): FrameSpan {
  const at = arena.open(message.length);
  arena.buf.set(message, at);
  return arena.close(at + message.length);
}

/** A new point. Throws `invalid_argument` for a value that no field can hold. */
export function buildPoint(head: PointHead, given: FieldInputs): FrameSpan {
  const fields = checkedFields(given);
  const names = Object.keys(fields);
  let at = arena.open(headRoom(head) + fieldsRoom(fields, names));
  const { buf } = arena;
  at = writeHead(buf, at, head);
  at = writeDoubles(buf, at, fields, names);
  at = writeInts(buf, at, fields, names);
  at = writeStrings(buf, at, fields, names);
  if (head.byName) at = writeByName(buf, at);
  at = writeBools(buf, at, fields, names);
  return arena.close(at);
}

/** The same point with another head. */
export function rebuildHead(source: PointSections, head: PointHead): FrameSpan {
  let at = arena.open(headRoom(head) + source.boolsEnd - source.doublesAt);
  const { buf } = arena;
  at = writeHead(buf, at, head);
  at = copy(buf, at, source.buf, source.doublesAt, source.stringsEnd);
  if (head.byName) at = writeByName(buf, at);
  at = copy(buf, at, source.buf, source.boolsAt, source.boolsEnd);
  return arena.close(at);
}

/** The same point with just these fields. Throws `invalid_argument` for a value that no field can hold. */
export function replaceFields(source: PointSections, given: FieldInputs): FrameSpan {
  const fields = checkedFields(given);
  const names = Object.keys(fields);
  let at = arena.open(source.boolsEnd - source.body + fieldsRoom(fields, names));
  const { buf } = arena;
  at = copy(buf, at, source.buf, source.body, source.doublesAt);
  at = writeDoubles(buf, at, fields, names);
  at = writeInts(buf, at, fields, names);
  at = writeStrings(buf, at, fields, names);
  at = copy(buf, at, source.buf, source.stringsEnd, source.boolsAt);
  at = writeBools(buf, at, fields, names);
  return arena.close(at);
}

/**
 * The same point without some fields and with others added or replaced.
 * Throws `invalid_argument` for a value that no field can hold.
 */
export function changeFields(
  source: PointSections,
  removed: readonly string[],
  given: FieldInputs,
): FrameSpan {
  const fields = checkedFields(given);
  const names = Object.keys(fields);
  // A field that is replaced goes from all four maps: the new value may be of another type, and Kapacitor would take
  // the old one from a map of higher rank.
  const gone = presentKeys(source, removed.length === 0 ? names : [...removed, ...names]);
  let at = arena.open(source.boolsEnd - source.body + fieldsRoom(fields, names));
  const { buf } = arena;
  at = copy(buf, at, source.buf, source.body, source.doublesAt);
  at = keepEntries(buf, at, source.buf, source.doublesAt, source.intsAt, gone);
  at = writeDoubles(buf, at, fields, names);
  at = keepEntries(buf, at, source.buf, source.intsAt, source.stringsAt, gone);
  at = writeInts(buf, at, fields, names);
  at = keepEntries(buf, at, source.buf, source.stringsAt, source.stringsEnd, gone);
  at = writeStrings(buf, at, fields, names);
  at = copy(buf, at, source.buf, source.stringsEnd, source.boolsAt);
  at = keepEntries(buf, at, source.buf, source.boolsAt, source.boolsEnd, gone);
  at = writeBools(buf, at, fields, names);
  return arena.close(at);
}

// ---- room: upper bounds, so that one pass writes all ----

/** Bytes around a value that has a tag and a length. */
const textOverhead = 1 + 5;
/** Bytes around the key and the value of an entry: three tags, three lengths. */
const entryOverhead = 3 + 3 * 5;
const mostInt64Bytes = 10;
const mostBytesPerCharacter = 3;

function headRoom(head: PointHead): number {
  let characters = head.name.length + head.database.length + head.retentionPolicy.length + head.group.length;
  let room = 1 + mostInt64Bytes + 4 * textOverhead + 2;
  for (const dimension of head.dimensions) {
    room += textOverhead;
    characters += dimension.length;
  }
  for (const [key, value] of Object.entries(head.tags)) {
    room += entryOverhead;
    characters += key.length + value.length;
  }
  return room + mostBytesPerCharacter * characters;
}

function fieldsRoom(fields: Fields, names: readonly string[]): number {
  let room = 0;
  for (const name of names) {
    const value = fields[name];
    room += entryOverhead + mostBytesPerCharacter * name.length + mostInt64Bytes;
    if (typeof value === 'string') room += mostBytesPerCharacter * value.length;
  }
  return room;
}

// ---- writing ----

function writeHead(buf: Buffer, start: number, head: PointHead): number {
  let at = start;
  buf[at] = layout.timeTag;
  at = writeInt64(buf, at + 1, int64Of(head.time, "a point's time"));
  at = writeUnlessEmpty(buf, at, layout.nameTag, head.name);
  at = writeUnlessEmpty(buf, at, layout.databaseTag, head.database);
  at = writeUnlessEmpty(buf, at, layout.retentionPolicyTag, head.retentionPolicy);
  at = writeUnlessEmpty(buf, at, layout.groupTag, head.group);
  for (const dimension of head.dimensions) at = writeString(buf, at, layout.dimensionTag, dimension);
  for (const [key, value] of Object.entries(head.tags)) {
    at = writeTextEntry(buf, at, layout.tagsTag, nameBytes(key), value);
  }
  return at;
}

/** proto3 leaves out what is empty. */
function writeUnlessEmpty(buf: Buffer, at: number, tag: number, text: string): number {
  return text === '' ? at : writeString(buf, at, tag, text);
}

function writeString(buf: Buffer, at: number, tag: number, text: string): number {
  buf[at] = tag;
  return writeText(buf, writeLength(buf, at + 1, Buffer.byteLength(text)), text);
}

function writeByName(buf: Buffer, at: number): number {
  buf[at] = layout.byNameTag;
  buf[at + 1] = 1;
  return at + 2;
}

function writeDoubles(buf: Buffer, start: number, fields: Fields, names: readonly string[]): number {
  let at = start;
  for (const name of names) {
    const value = fields[name];
    if (typeof value !== 'number') continue;
    at = openEntry(buf, at, layout.doubleTag, nameBytes(name), 1 + 8);
    buf[at] = layout.doubleValueTag;
    at = writeDouble(buf, at + 1, value);
  }
  return at;
}

function writeInts(buf: Buffer, start: number, fields: Fields, names: readonly string[]): number {
  let at = start;
  for (const name of names) {
    const value = fields[name];
    if (typeof value !== 'bigint') continue;
    // The entry's length comes before the value: the value is written aside first.
    const size = writeInt64(int64Scratch, 0, value);
    at = openEntry(buf, at, layout.intTag, nameBytes(name), 1 + size);
    buf[at++] = layout.varintValueTag;
    for (let index = 0; index < size; index++) buf[at++] = int64Scratch[index]!;
  }
  return at;
}

const int64Scratch = new Uint8Array(mostInt64Bytes);

function writeStrings(buf: Buffer, start: number, fields: Fields, names: readonly string[]): number {
  let at = start;
  for (const name of names) {
    const value = fields[name];
    if (typeof value === 'string') at = writeTextEntry(buf, at, layout.stringTag, nameBytes(name), value);
  }
  return at;
}

function writeBools(buf: Buffer, start: number, fields: Fields, names: readonly string[]): number {
  let at = start;
  for (const name of names) {
    const value = fields[name];
    if (typeof value !== 'boolean') continue;
    at = openEntry(buf, at, layout.boolTag, nameBytes(name), 1 + 1);
    buf[at] = layout.varintValueTag;
    buf[at + 1] = value ? 1 : 0;
    at += 2;
  }
  return at;
}

function writeTextEntry(buf: Buffer, start: number, tag: number, key: Uint8Array, text: string): number {
  const size = Buffer.byteLength(text);
  const at = openEntry(buf, start, tag, key, 1 + lengthSize(size) + size);
  buf[at] = layout.textValueTag;
  return writeText(buf, writeLength(buf, at + 1, size), text);
}

/** Writes an entry up to its value, which takes `valueBytes` with its tag. */
function openEntry(buf: Buffer, start: number, tag: number, key: Uint8Array, valueBytes: number): number {
  const keyBytes = key.length;
  buf[start] = tag;
  let at = writeLength(buf, start + 1, 1 + lengthSize(keyBytes) + keyBytes + valueBytes);
  buf[at] = layout.keyTag;
  at = writeLength(buf, at + 1, keyBytes);
  for (let index = 0; index < keyBytes; index++) buf[at++] = key[index]!;
  return at;
}

// ---- keeping ----

/** Those of the names that a source has as a field, as bytes. */
function presentKeys(source: PointSections, names: readonly string[]): Uint8Array[] {
  const keys: Uint8Array[] = [];
  for (const name of names) {
    const key = nameBytes(name);
    if (hasField(source, key)) keys.push(key);
  }
  return keys;
}

function hasField(
  { buf, doublesAt, intsAt, stringsAt, stringsEnd, boolsAt, boolsEnd }: PointSections,
  key: Uint8Array,
) {
  return (
    layout.findEntry(buf, doublesAt, intsAt, layout.doubleTag, key) >= 0 ||
    layout.findEntry(buf, intsAt, stringsAt, layout.intTag, key) >= 0 ||
    layout.findEntry(buf, stringsAt, stringsEnd, layout.stringTag, key) >= 0 ||
    layout.findEntry(buf, boolsAt, boolsEnd, layout.boolTag, key) >= 0
  );
}

/** Copies a section's entries but for those with these keys. */
function keepEntries(
  to: Buffer,
  start: number,
  from: Buffer,
  section: number,
  end: number,
  gone: readonly Uint8Array[],
): number {
  if (gone.length === 0) return copy(to, start, from, section, end);
  let at = start;
  for (let entry = section; entry < end;) {
    const next = layout.skipBytes(from, entry + 1);
    if (!gone.some((key) => layout.findEntry(from, entry, next, from[entry]!, key) >= 0)) {
      at = copy(to, at, from, entry, next);
    }
    entry = next;
  }
  return at;
}

/** Copies `from[start..end)` to `at` and returns where it ends there. */
function copy(to: Buffer, at: number, from: Buffer, start: number, end: number): number {
  // A call of `copy` costs as much as moving about 40 bytes one by one.
  if (end - start > 40) return at + from.copy(to, at, start, end);
  for (let index = start; index < end; index++) to[at++] = from[index]!;
  return at;
}

// ---- values ----

/** The fields as the author gave them if all can be sent as they are, else a copy with each `Long` as a bigint. */
function checkedFields(given: FieldInputs): Fields {
  let copied: Record<string, FieldInput> | undefined;
  for (const name of Object.keys(given)) {
    const value: unknown = given[name]; // typed, but a UDF may be written in JavaScript
    const type = typeof value;
    if (type === 'number' || type === 'string' || type === 'boolean') continue;
    if (type !== 'bigint' && !isLongLike(value)) {
      throw new UdfError(
        'invalid_argument',
        `field "${name}" cannot be ${value === null ? 'null' : type}: it takes a number, bigint, string, boolean or Long`,
      );
    }
    const int64 = int64Of(value as bigint | LongLike, `field "${name}"`);
    if (type === 'bigint') continue;
    copied ??= { ...given };
    copied[name] = int64;
  }
  return (copied ?? given) as Fields; // only what Fields allows is left
}
