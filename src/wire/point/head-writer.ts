import type { LongLike, Tags } from '../../model/values.js';
import { checkArray, checkRecord, tagOf, textOf } from '../checks.js';
import { copy } from '../words.js';
import { entryOverhead, maxBytesPerCharacter, maxInt64Bytes, writeTextEntry } from './field-writer.js';
import { writeLength } from '../framing.js';
import { int64Of } from '../int64.js';
import { writeInt64 } from '../numbers.js';
import * as layout from './layout.js';
import type { PointSections } from './sections.js';
import {
  byNameTag,
  databaseTag,
  dimensionTag,
  groupTag,
  nameTag,
  retentionPolicyTag,
  tagsTag,
  timeTag,
} from '../tags.js';
import { nameBytes, writeText } from '../text.js';

/** All of a point but its fields. */
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

/**
 * A copy of the given parts. An author's object is read only once, before the source point is looked at and room is
 * reserved: reading it may run code (a getter) that reads another point, or returns another value the next time.
 */
export function ownHead<Head extends Partial<PointHead>>(given: Head): Head {
  const own = { ...given };
  if (own.dimensions !== undefined) {
    checkArray("a point's dimensions", own.dimensions);
    Object.assign(own, { dimensions: Array.from(own.dimensions) }); // a hole of a sparse array becomes undefined
  }
  if (own.tags !== undefined) {
    checkRecord('tags', own.tags);
    Object.assign(own, { tags: { ...own.tags } });
  }
  return own;
}

/** Max bytes of a string field besides its text: a tag and a length. */
const textOverhead = 1 + 5;

/** Max bytes that these parts take. Throws `invalid_argument` if a name, tag or dimension is not a string. */
export function headRoom(head: Partial<PointHead>): number {
  const { name = '', database = '', retentionPolicy = '', group = '', dimensions = [], tags = {} } = head;
  let characters =
    textOf(name, "a point's name").length +
    textOf(database, "a point's database").length +
    textOf(retentionPolicy, "a point's retentionPolicy").length +
    textOf(group, "a point's group").length;
  let room = 1 + maxInt64Bytes + 4 * textOverhead + 2;
  for (const dimension of dimensions) {
    room += textOverhead;
    characters += textOf(dimension, "a point's dimension").length;
  }
  for (const [key, value] of Object.entries(tags)) {
    room += entryOverhead;
    characters += key.length + tagOf(key, value).length;
  }
  return room + maxBytesPerCharacter * characters;
}

/** Writes the head up to the tags: the given parts, and the bytes of `source` for the others. */
export function writeHead(
  buf: Buffer,
  start: number,
  source: PointSections,
  { time, name, database, retentionPolicy, group, dimensions, tags }: Partial<PointHead>,
): number {
  let at = start;
  if (time !== undefined) {
    buf[at] = timeTag;
    at = writeInt64(buf, at + 1, int64Of(time, "a point's time"));
  } else if (source.timeAt !== 0) {
    at = copy(buf, at, source.buf, source.timeAt - 1, layout.skipVarint(source.buf, source.timeAt));
  }
  at = writeOptional(buf, at, nameTag, name, source.buf, source.nameAt);
  at = writeOptional(buf, at, databaseTag, database, source.buf, source.databaseAt);
  at = writeOptional(buf, at, retentionPolicyTag, retentionPolicy, source.buf, source.retentionPolicyAt);
  at = writeOptional(buf, at, groupTag, group, source.buf, source.groupAt);
  if (dimensions) for (const dimension of dimensions) at = writeString(buf, at, dimensionTag, dimension);
  else at = copy(buf, at, source.buf, source.dimensionsAt, source.tagsAt);
  return tags ? writeTags(buf, at, tags) : copy(buf, at, source.buf, source.tagsAt, source.doublesAt);
}

export function writeTags(buf: Buffer, start: number, tags: Tags): number {
  let at = start;
  for (const [key, value] of Object.entries(tags)) {
    at = writeTextEntry(buf, at, tagsTag, nameBytes(key), value);
  }
  return at;
}

/** Writes `byName`, which stands between the maps of strings and of bools: as given, or else as in `source`. */
export function writeByName(
  buf: Buffer,
  at: number,
  source: PointSections,
  { byName }: Partial<PointHead>,
): number {
  if (byName === undefined) return copy(buf, at, source.buf, source.stringsEnd, source.boolsAt);
  if (!byName) return at;
  buf[at] = byNameTag;
  buf[at + 1] = 1;
  return at + 2;
}

/** Writes a string if it is given, and copies the source's if not. An empty one is left out, as proto3 does. */
function writeOptional(
  buf: Buffer,
  at: number,
  tag: number,
  text: string | undefined,
  source: Buffer,
  sourceAt: number,
): number {
  if (text !== undefined) return text === '' ? at : writeString(buf, at, tag, text);
  return sourceAt === 0 ? at : copy(buf, at, source, sourceAt - 1, layout.skipBytes(source, sourceAt));
}

function writeString(buf: Buffer, at: number, tag: number, text: string): number {
  buf[at] = tag;
  return writeText(buf, writeLength(buf, at + 1, Buffer.byteLength(text)), text);
}
