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

  /** Scans `buf[body..end)`. False if it is not in canonical form, whether or not it is a Point message. */
  scan(buf: Buffer, body: number, end: number): boolean {
    this.buf = buf;
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
    at = layout.skipEntries(buf, at, end, layout.tagsTag, layout.textValueTag);
    this.doublesAt = at;
    at = layout.skipEntries(buf, at, end, layout.doubleTag, layout.doubleValueTag);
    this.intsAt = at;
    at = layout.skipEntries(buf, at, end, layout.intTag, layout.varintValueTag);
    this.stringsAt = at;
    at = layout.skipEntries(buf, at, end, layout.stringTag, layout.textValueTag);
    this.stringsEnd = at;
    this.byNameAt = 0;
    if (at < end && buf[at] === layout.byNameTag) {
      this.byNameAt = at + 1;
      at = layout.skipVarint(buf, at + 1);
    }
    this.boolsAt = at;
    at = layout.skipEntries(buf, at, end, layout.boolTag, layout.varintValueTag);
    this.boolsEnd = at;
    return at === end;
  }
}
