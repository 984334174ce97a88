import type { FieldInputs, LongLike, Tags } from '../values.js';
import {
  entryOverhead,
  FieldWriter,
  mostBytesPerCharacter,
  mostInt64Bytes,
  writeTextEntry,
} from './field-writer.js';
import { FrameArena, type FrameSpan } from './frame-arena.js';
import { writeLength } from './frame-header.js';
import { int64Of } from './int64.js';
import { writeInt64 } from './numbers.js';
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
const fields = new FieldWriter();

/** A point of a Point message's bytes as they are. */
export function buildFromBytes(message: Uint8Array): FrameSpan {
  const at = arena.open(message.length);
  arena.buf.set(message, at);
  return arena.close(at + message.length);
}

/** A new point. Throws `invalid_argument` for a value that no field can hold. */
export function buildPoint(head: PointHead, given: FieldInputs): FrameSpan {
  fields.collect(given);
  let at = arena.open(headRoom(head) + fields.room);
  const { buf } = arena;
  at = writeHead(buf, at, head);
  at = fields.writeDoubles(buf, at);
  at = fields.writeInts(buf, at);
  at = fields.writeStrings(buf, at);
  if (head.byName) at = writeByName(buf, at);
  at = fields.writeBools(buf, at);
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
  fields.collect(given);
  let at = arena.open(source.boolsEnd - source.body + fields.room);
  const { buf } = arena;
  at = copy(buf, at, source.buf, source.body, source.doublesAt);
  at = fields.writeDoubles(buf, at);
  at = fields.writeInts(buf, at);
  at = fields.writeStrings(buf, at);
  at = copy(buf, at, source.buf, source.stringsEnd, source.boolsAt);
  at = fields.writeBools(buf, at);
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
  fields.collect(given);
  // A field that is replaced goes from all four maps: the new value may be of another type, and Kapacitor would take
  // the old one from a map of higher rank.
  const gone = presentKeys(source, removed);
  let at = arena.open(source.boolsEnd - source.body + fields.room);
  const { buf } = arena;
  at = copy(buf, at, source.buf, source.body, source.doublesAt);
  at = keepEntries(buf, at, source.buf, source.doublesAt, source.intsAt, gone);
  at = fields.writeDoubles(buf, at);
  at = keepEntries(buf, at, source.buf, source.intsAt, source.stringsAt, gone);
  at = fields.writeInts(buf, at);
  at = keepEntries(buf, at, source.buf, source.stringsAt, source.stringsEnd, gone);
  at = fields.writeStrings(buf, at);
  at = copy(buf, at, source.buf, source.stringsEnd, source.boolsAt);
  at = keepEntries(buf, at, source.buf, source.boolsAt, source.boolsEnd, gone);
  at = fields.writeBools(buf, at);
  return arena.close(at);
}

// ---- room: upper bounds, so that one pass writes all ----

/** Bytes around a value that has a tag and a length. */
const textOverhead = 1 + 5;

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

// ---- keeping ----

/** The keys of the fields that a source loses: those to be removed, and those to be written anew. */
function presentKeys(source: PointSections, removed: readonly string[]): Uint8Array[] {
  const keys: Uint8Array[] = [];
  for (const name of removed) addIfPresent(keys, source, nameBytes(name));
  for (let index = 0; index < fields.count; index++) addIfPresent(keys, source, fields.key(index));
  return keys;
}

function addIfPresent(keys: Uint8Array[], source: PointSections, key: Uint8Array): void {
  if (source.findField(key) !== layout.absent) keys.push(key);
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
    if (!gone.some((key) => layout.hasKey(from, entry, key))) {
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
