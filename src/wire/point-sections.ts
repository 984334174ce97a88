import * as numbers from './numbers.js';
import * as layout from './point-layout.js';

/**
 * Where the sections of one point's bytes lie, as a scan finds them.
 *
 * Offsets point behind the tag for single values and at the first tag for repeated ones; a section ends where the next
 * begins. For a single value 0 is "not there", which no offset can be, since a frame's header comes first.
 */
export class PointSections {
  buf: Buffer = Buffer.alloc(0);
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

  /** Whether all map entries are known to be in canonical form; a scan steps over them without looking inside. */
  private checked = false;

  /** Scans `buf[body..end)`. False if its sections are not in canonical order, whether or not it is a Point message. */
  scan(buf: Buffer, body: number, end: number): boolean {
    // Only when it is another one: to store a reference takes more than to compare it.
    if (this.buf !== buf) this.buf = buf;
    this.checked = false;
    this.hasSeconds = false;
    this.body = body;
    let at = body;
    this.timeAt = 0;
    if (at < end && buf[at] === layout.timeTag) {
      this.timeAt = at + 1;
      at = layout.skipVarint(buf, at + 1);
    }
    this.nameAt = 0;
    if (at < end && buf[at] === layout.nameTag) {
      this.nameAt = at + 1;
      at = layout.skipBytes(buf, at + 1);
    }
    this.databaseAt = 0;
    if (at < end && buf[at] === layout.databaseTag) {
      this.databaseAt = at + 1;
      at = layout.skipBytes(buf, at + 1);
    }
    this.retentionPolicyAt = 0;
    if (at < end && buf[at] === layout.retentionPolicyTag) {
      this.retentionPolicyAt = at + 1;
      at = layout.skipBytes(buf, at + 1);
    }
    this.groupAt = 0;
    if (at < end && buf[at] === layout.groupTag) {
      this.groupAt = at + 1;
      at = layout.skipBytes(buf, at + 1);
    }
    this.dimensionsAt = at;
    while (at < end && buf[at] === layout.dimensionTag) at = layout.skipBytes(buf, at + 1);
    this.tagsAt = at;
    at = layout.skipEntries(buf, at, end, layout.tagsTag);
    this.doublesAt = at;
    at = layout.skipEntries(buf, at, end, layout.doubleTag);
    this.intsAt = at;
    at = layout.skipEntries(buf, at, end, layout.intTag);
    this.stringsAt = at;
    at = layout.skipEntries(buf, at, end, layout.stringTag);
    this.stringsEnd = at;
    this.byNameAt = 0;
    if (at < end && buf[at] === layout.byNameTag) {
      this.byNameAt = at + 1;
      at = layout.skipVarint(buf, at + 1);
    }
    this.boolsAt = at;
    at = layout.skipEntries(buf, at, end, layout.boolTag);
    this.boolsEnd = at;
    return at === end;
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
      layout.areCanonical(buf, tagsAt, doublesAt, layout.textValueTag) &&
      layout.areCanonical(buf, doublesAt, intsAt, layout.doubleValueTag) &&
      layout.areCanonical(buf, intsAt, stringsAt, layout.varintValueTag) &&
      layout.areCanonical(buf, stringsAt, stringsEnd, layout.textValueTag) &&
      layout.areCanonical(buf, boolsAt, boolsEnd, layout.varintValueTag);
    return this.checked;
  }

  /**
   * Where a field's value starts; which section that lies in tells its type. In two sections, the one that Kapacitor
   * takes counts. `absent` or `irregular` otherwise.
   */
  findField(key: Uint8Array): number {
    const { buf, doublesAt, intsAt, stringsAt, stringsEnd, boolsAt, boolsEnd } = this;
    let at = layout.absent;
    if (boolsAt < boolsEnd) at = layout.findEntry(buf, boolsAt, boolsEnd, layout.varintValueTag, key);
    if (at === layout.absent) at = layout.findEntry(buf, doublesAt, intsAt, layout.doubleValueTag, key);
    if (at === layout.absent) at = layout.findEntry(buf, intsAt, stringsAt, layout.varintValueTag, key);
    if (at === layout.absent) at = layout.findEntry(buf, stringsAt, stringsEnd, layout.textValueTag, key);
    return at;
  }
}
