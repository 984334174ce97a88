import type { FieldInputs, Tags } from '../../model/values.js';
import { checkNames, textOf } from '../checks.js';
import { copy } from '../words.js';
import { FieldWriter } from './field-writer.js';
import { FrameArena, type FrameSpan } from './frame-arena.js';
import { headRoom, ownHead, type PointHead, writeByName, writeHead, writeTags } from './head-writer.js';
import { int64Of } from '../int64.js';
import * as layout from './layout.js';
import { PointSections } from './sections.js';
import { textValueTag } from '../tags.js';
import { nameBytes } from '../text.js';

/**
 * One arena for all points that handlers build: usually each is emitted before the next is built, so that frames
 * adjoin.
 */
const arena = new FrameArena();
const fields = new FieldWriter();
/** A source without any part, for the writers that copy the parts that are not given. */
const nothing = new PointSections();

/** A point from the bytes of a Point message, which are copied. */
export function buildFromBytes(message: Uint8Array): FrameSpan {
  const at = arena.open(message.length);
  arena.buf.set(message, at);
  return arena.close(at + message.length);
}

/**
 * A new point. Throws `invalid_argument` for a value that the protocol cannot hold. Empty names are allowed, since
 * recordings may contain them; `createPoint` refuses them.
 */
export function buildPoint(givenHead: PointHead, given: FieldInputs): FrameSpan {
  const head = ownHead(givenHead);
  // `writeHead` copies an undefined part from the source, and here there is none.
  int64Of(head.time, "a point's time");
  textOf(head.name, "a point's name");
  fields.collect(given);
  let at = arena.open(headRoom(head) + fields.room);
  const { buf } = arena;
  at = writeHead(buf, at, nothing, head);
  at = fields.writeDoubles(buf, at);
  at = fields.writeInts(buf, at);
  at = fields.writeStrings(buf, at);
  at = writeByName(buf, at, nothing, head);
  at = fields.writeBools(buf, at);
  return arena.close(at);
}

/**
 * The same point with parts of its head changed. Throws `invalid_argument` for a value that the protocol cannot hold.
 */
export function changeHead(changes: Partial<PointHead>, source: PointSections): FrameSpan {
  let at = arena.open(source.boolsEnd - source.body + headRoom(changes));
  const { buf } = arena;
  at = writeHead(buf, at, source, changes);
  at = copy(buf, at, source.buf, source.doublesAt, source.stringsEnd);
  at = writeByName(buf, at, source, changes);
  at = copy(buf, at, source.buf, source.boolsAt, source.boolsEnd);
  return arena.close(at);
}

/**
 * Collects an author's fields for the `replaceFields` or `changeFields` that follows. It comes before the source's
 * sections are looked up: reading the fields may run code (a getter) that reads another point, and so replaces the
 * sections. Throws `invalid_argument` for an empty name or a value that no field can hold.
 */
export function takeFields(given: FieldInputs): void {
  fields.collect(given);
  if (fields.hasEmptyName) checkNames('field', given);
}

/** The same point with the collected fields only. */
export function replaceFields(source: PointSections): FrameSpan {
  let at = arena.open(source.boolsEnd - source.body + fields.room);
  const { buf } = arena;
  at = copy(buf, at, source.buf, source.body, source.doublesAt);
  at = fields.writeDoubles(buf, at);
  at = fields.writeInts(buf, at);
  at = fields.writeStrings(buf, at);
  if (source.byNameAt !== 0) at = copy(buf, at, source.buf, source.stringsEnd, source.boolsAt);
  at = fields.writeBools(buf, at);
  return arena.close(at);
}

/** The same point with tags added or replaced. Throws `invalid_argument` for a tag that is not text. */
export function changeTags({ tags }: { readonly tags: Tags }, source: PointSections): FrameSpan {
  const room = headRoom({ tags });
  const { tagsAt, doublesAt } = source;
  const gone = Object.keys(tags)
    .map((key) => nameBytes(key))
    .filter((key) => layout.findEntry(source.buf, tagsAt, doublesAt, textValueTag, key) >= 0);
  let at = arena.open(source.boolsEnd - source.body + room);
  const { buf } = arena;
  at = copy(buf, at, source.buf, source.body, tagsAt);
  at = keepEntries(buf, at, source.buf, tagsAt, doublesAt, gone);
  at = writeTags(buf, at, tags);
  at = copy(buf, at, source.buf, doublesAt, source.boolsEnd);
  return arena.close(at);
}

/** The same point without the `removed` fields, and with the collected ones added or replaced. */
export function changeFields(removed: readonly string[], source: PointSections): FrameSpan {
  // A replaced field is removed from all four maps: the new value may have another type, and of a field in two maps
  // Kapacitor takes the one of the higher rank (bool, double, int, string).
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

// ---- keeping ----

/** The keys of the source's fields that are not kept: those to be removed and those to be replaced. */
function presentKeys(source: PointSections, removed: readonly string[]): Uint8Array[] {
  const keys: Uint8Array[] = [];
  for (const name of removed) addIfPresent(keys, source, nameBytes(name));
  for (let index = 0; index < fields.count; index++) addIfPresent(keys, source, fields.key(index));
  return keys;
}

function addIfPresent(keys: Uint8Array[], source: PointSections, key: Uint8Array): void {
  if (source.findField(key) !== layout.absent) keys.push(key);
}

/** Copies a section's entries except those with the keys in `gone`. */
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
