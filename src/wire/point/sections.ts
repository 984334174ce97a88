import * as numbers from '../numbers.js';
import * as tags from '../tags.js';
import { viewToRead } from '../view.js';
import * as layout from './layout.js';

// V8 inlines a module's own constants; an imported one is loaded and checked at each use.
const { timeTag, nameTag, databaseTag, retentionPolicyTag, groupTag, dimensionTag, tagsTag } = tags;
const { doubleTag, intTag, stringTag, byNameTag, boolTag } = tags;
const { keyTag, varintValueTag, doubleValueTag, textValueTag } = tags;
const { absent, irregular } = layout;

/**
 * The offsets of a point's sections, as a scan finds them.
 *
 * The offset of a single value is behind its tag; that of a repeated field is at its first tag, and it ends where the
 * next section begins. 0 stands for an absent single value: no offset is 0, because a frame's header comes first.
 */
export class PointSections {
  buf: Buffer = Buffer.alloc(0);
  view = viewToRead(this.buf);
  /** Where the Point message starts. */
  body = 0;
  timeAt = 0;
  nameAt = 0;
  databaseAt = 0;
  retentionPolicyAt = 0;
  groupAt = 0;
  dimensionsAt = 0;
  tagsAt = 0;
  doublesAt = 0;
  intsAt = 0;
  stringsAt = 0;
  stringsEnd = 0;
  byNameAt = 0;
  boolsAt = 0;
  boolsEnd = 0;

  private hasSeconds = false;
  private wholeSeconds = 0;
  private restOfTime = 0;

  /** Whether all map entries are known to be in canonical form; a scan skips them without looking inside. */
  private checked = false;

  /**
   * Scans `buf[body..end)`. False if its sections are not in canonical order, which a valid Point message may be, too.
   *
   * Here and in `findField` only functions that V8 inlines are called: after any other call V8 would check again what
   * it knows of `buf`, and box `at`. A scan that calls a function for long values takes 1.5 times as long.
   */
  scan(buf: Buffer, body: number, end: number): boolean {
    // Compared first: storing a reference costs more, because of the garbage collector's write barrier.
    if (this.buf !== buf) {
      this.buf = buf;
      this.view = viewToRead(buf);
    }
    this.checked = false;
    this.hasSeconds = false;
    this.body = body;
    let at = body;
    this.timeAt = 0;
    if (at < end && buf[at] === timeTag) {
      this.timeAt = ++at;
      at = at + 9 <= end && numbers.hasNineBytes(this.view, at) ? at + 9 : skipNumber(buf, at);
    }
    this.nameAt = 0;
    if (at < end && buf[at] === nameTag) {
      this.nameAt = at + 1;
      at = skipShort(buf, at + 1);
    }
    this.databaseAt = 0;
    if (at < end && buf[at] === databaseTag) {
      this.databaseAt = at + 1;
      at = skipShort(buf, at + 1);
    }
    this.retentionPolicyAt = 0;
    if (at < end && buf[at] === retentionPolicyTag) {
      this.retentionPolicyAt = at + 1;
      at = skipShort(buf, at + 1);
    }
    this.groupAt = 0;
    if (at < end && buf[at] === groupTag) {
      this.groupAt = at + 1;
      at = skipShort(buf, at + 1);
    }
    this.dimensionsAt = at;
    while (at < end && buf[at] === dimensionTag) at = skipShort(buf, at + 1);
    this.tagsAt = at;
    while (at < end && buf[at] === tagsTag) at = skipShort(buf, at + 1);
    this.doublesAt = at;
    while (at < end && buf[at] === doubleTag) at = skipShort(buf, at + 1);
    this.intsAt = at;
    while (at < end && buf[at] === intTag) at = skipShort(buf, at + 1);
    this.stringsAt = at;
    while (at < end && buf[at] === stringTag) at = skipShort(buf, at + 1);
    this.stringsEnd = at;
    this.byNameAt = 0;
    if (at < end && buf[at] === byNameTag) {
      this.byNameAt = at + 1;
      at = skipNumber(buf, at + 1);
    }
    this.boolsAt = at;
    while (at < end && buf[at] === boolTag) at = skipShort(buf, at + 1);
    this.boolsEnd = at;
    return at === end || this.scanLong(buf, end);
  }

  /** `scan` for a point with values of 16 kB and more. */
  private scanLong(buf: Buffer, end: number): boolean {
    let at = this.body;
    const single = (tag: number, skip: (buf: Uint8Array, at: number) => number): number => {
      if (!(at < end) || buf[at] !== tag) return 0;
      const value = at + 1;
      at = skip(buf, value);
      return value;
    };
    const repeated = (tag: number): number => {
      const start = at;
      at = layout.skipEntries(buf, at, end, tag);
      return start;
    };
    this.timeAt = single(timeTag, layout.skipVarint);
    this.nameAt = single(nameTag, layout.skipBytes);
    this.databaseAt = single(databaseTag, layout.skipBytes);
    this.retentionPolicyAt = single(retentionPolicyTag, layout.skipBytes);
    this.groupAt = single(groupTag, layout.skipBytes);
    this.dimensionsAt = repeated(dimensionTag);
    this.tagsAt = repeated(tagsTag);
    this.doublesAt = repeated(doubleTag);
    this.intsAt = repeated(intTag);
    this.stringsAt = repeated(stringTag);
    this.stringsEnd = at;
    this.byNameAt = single(byNameTag, layout.skipVarint);
    this.boolsAt = repeated(boolTag);
    this.boolsEnd = at;
    return at === end;
  }

  /** Where the parts behind the time start. */
  get headAt(): number {
    return this.timeAt === 0 ? this.body : layout.skipVarint(this.buf, this.timeAt);
  }

  /** Where the group's bytes start in `buf`: state is looked up by them without making a string. */
  get groupStart(): number {
    const { groupAt } = this;
    if (groupAt === 0) return this.body;
    if (this.buf[groupAt]! < 0x80) return groupAt + 1;
    layout.readLength(this.buf, groupAt);
    return layout.valueEnd;
  }

  /** How many bytes the group has. */
  get groupLength(): number {
    const { groupAt } = this;
    if (groupAt === 0) return 0;
    const length = this.buf[groupAt]!;
    return length < 0x80 ? length : layout.readLength(this.buf, groupAt);
  }

  get seconds(): number {
    if (!this.hasSeconds) this.readTime();
    return this.wholeSeconds;
  }

  get nanoseconds(): number {
    if (!this.hasSeconds) this.readTime();
    return this.restOfTime;
  }

  private readTime(): void {
    const { timeAt } = this;
    this.wholeSeconds = timeAt === 0 ? 0 : numbers.readSeconds(this.buf, timeAt);
    this.restOfTime = timeAt === 0 ? 0 : numbers.nanoseconds;
    this.hasSeconds = true;
  }

  /** Whether the entries of all maps are in canonical form, so that they can be read and copied one by one. */
  check(): boolean {
    const { buf, tagsAt, doublesAt, intsAt, stringsAt, stringsEnd, boolsAt, boolsEnd } = this;
    this.checked ||=
      layout.areCanonical(buf, tagsAt, doublesAt, textValueTag) &&
      layout.areCanonical(buf, doublesAt, intsAt, doubleValueTag) &&
      layout.areCanonical(buf, intsAt, stringsAt, varintValueTag) &&
      layout.areCanonical(buf, stringsAt, stringsEnd, textValueTag) &&
      layout.areCanonical(buf, boolsAt, boolsEnd, varintValueTag);
    return this.checked;
  }

  /**
   * Where a field's value starts, or `absent` or `irregular`; the section that contains it tells its type. Of a field
   * in two sections it is the one that Kapacitor takes: bool before double before int before string.
   */
  findField(key: Uint8Array): number {
    const { buf, intsAt, stringsAt, stringsEnd, boolsAt, boolsEnd } = this;
    const wanted = key.length;
    let found = absent;
    // Where to skip to the bools: a field that was found is not searched for in sections of lower rank.
    let leave = stringsEnd;
    let at = this.doublesAt;
    if (at === stringsEnd) at = boolsAt;
    while (at < boolsEnd) {
      // An entry with lengths of one byte: tag, size, key's tag, key's length, key, value's tag, value.
      const tag = buf[at]!;
      const size = buf[at + 1]!;
      const keyLength = buf[at + 3]!;
      const start = at + 4;
      const value = start + keyLength + 1;
      const next = at + 2 + size;
      if (size > 0x7f || keyLength > 0x7f || value >= next || buf[at + 2] !== keyTag) {
        return this.findLong(key);
      }
      const valueTag = buf[value - 1];
      if (tag === doubleTag) {
        if (valueTag !== doubleValueTag || value + 8 !== next) return irregular;
      } else if (tag === stringTag) {
        if (valueTag !== textValueTag || skipShort(buf, value) !== next) return irregular;
      } else if (valueTag !== varintValueTag || skipNumber(buf, value) !== next) return irregular;
      if (keyLength === wanted) {
        let index = 0;
        while (index < wanted && buf[start + index] === key[index]) index++;
        // No break: in one section the last of equal keys counts.
        if (index === wanted) {
          found = value;
          leave = tag === doubleTag ? intsAt : tag === intTag ? stringsAt : stringsEnd;
        }
      }
      at = next === leave ? boolsAt : next;
    }
    return found;
  }

  /** `findField` for a point with a long key or value, or an irregular entry. */
  private findLong(key: Uint8Array): number {
    const { buf, doublesAt, intsAt, stringsAt, stringsEnd, boolsAt, boolsEnd } = this;
    let at = layout.findEntry(buf, boolsAt, boolsEnd, varintValueTag, key);
    if (at === absent) at = layout.findEntry(buf, doublesAt, intsAt, doubleValueTag, key);
    if (at === absent) at = layout.findEntry(buf, intsAt, stringsAt, varintValueTag, key);
    if (at === absent) at = layout.findEntry(buf, stringsAt, stringsEnd, textValueTag, key);
    return at;
  }
}

/** An offset beyond every message (see `Limits.messageBytes`), so that a scan which cannot skip a value ends. */
const outside = 0x3fff_ffff;

// `layout.skipBytes` and `skipVarint` for the common sizes only, without a call, so that V8 inlines them.

/** Where the length-delimited value at `at` ends, if its length takes one byte or two. */
function skipShort(buf: Uint8Array, at: number): number {
  const first = buf[at]!;
  if (first < 0x80) return at + 1 + first;
  const second = buf[at + 1]!;
  return second < 0x80 ? at + 2 + (first & 0x7f) + (second << 7) : outside;
}

/** Where the varint at `at` ends. */
function skipNumber(buf: Uint8Array, at: number): number {
  const last = at + 9;
  while (at < last && buf[at]! > 0x7f) at++;
  return buf[at]! < 0x80 ? at + 1 : outside;
}
