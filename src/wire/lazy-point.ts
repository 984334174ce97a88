import {
  type Fields,
  type FieldInput,
  type FieldInputs,
  type FieldValue,
  type LongLike,
  type Tags,
  setEntry,
} from '../values.js';
import { type FrameSpan, pointTag0, pointTag1 } from './frame-arena.js';
import { canonicalPoint } from './messages.js';
import { readDouble, readInt64 } from './numbers.js';
import {
  buildFromBytes,
  buildPoint,
  changeFields,
  type PointHead,
  rebuildHead,
  replaceFields,
} from './point-builder.js';
import * as layout from './point-layout.js';
import { nameBytes, readText } from './text.js';

/**
 * A point as a view over the bytes that it came in. One scan finds the sections; a value is decoded when it is asked
 * for, and an unchanged point is sent on as its own bytes.
 *
 * Offsets point behind the tag for single values and at the first tag for repeated ones; 0 is "not there", which no
 * offset can be, since a frame's header comes first.
 */
export class LazyPoint {
  buf: Buffer;
  /** The whole frame, length prefix included: `buf[frame..end)`. */
  frame: number;
  /** The Point message: `buf[body..end)`. */
  body: number;
  end: number;

  private scanned = false;
  private timeAt = 0;
  private nameAt = 0;
  private databaseAt = 0;
  private retentionPolicyAt = 0;
  private groupAt = 0;
  private dimensionsAt = 0;
  private tagsAt = 0;
  private byNameAt = 0;
  /** Where the fields begin: the end of what stands before them. The four sections follow, empty ones included. */
  doublesAt = 0;
  intsAt = 0;
  stringsAt = 0;
  stringsEnd = 0;
  boolsAt = 0;
  boolsEnd = 0;

  constructor(buf: Buffer, frame: number, body: number, end: number) {
    this.buf = buf;
    this.frame = frame;
    this.body = body;
    this.end = end;
  }

  /** The point in a frame off the wire, or `undefined` if the frame holds something else. */
  static fromFrame(buf: Buffer, frame: number, payload: number, end: number): LazyPoint | undefined {
    if (buf[payload] !== pointTag0 || buf[payload + 1] !== pointTag1) return undefined;
    const size = layout.readLength(buf, payload + 2);
    const body = layout.valueEnd;
    return body + size === end ? new LazyPoint(buf, frame, body, end) : undefined;
  }

  /** A new point. Throws `invalid_argument` for a value that the protocol cannot hold. */
  static create(head: PointHead, fields: FieldInputs): LazyPoint {
    return LazyPoint.of(buildPoint(head, fields));
  }

  private static of({ buf, frame, body, end }: FrameSpan): LazyPoint {
    return new LazyPoint(buf, frame, body, end);
  }

  /** Finds the sections. False if the bytes are not in canonical form, whether or not they are a Point message. */
  private scan(): boolean {
    const { buf, end } = this;
    let at = this.body;
    if (at < end && buf[at] === layout.timeTag) at = layout.skipVarint(buf, (this.timeAt = at + 1));
    if (at < end && buf[at] === layout.nameTag) at = layout.skipBytes(buf, (this.nameAt = at + 1));
    if (at < end && buf[at] === layout.databaseTag) at = layout.skipBytes(buf, (this.databaseAt = at + 1));
    if (at < end && buf[at] === layout.retentionPolicyTag)
      at = layout.skipBytes(buf, (this.retentionPolicyAt = at + 1));
    if (at < end && buf[at] === layout.groupTag) at = layout.skipBytes(buf, (this.groupAt = at + 1));
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
    if (at < end && buf[at] === layout.byNameTag) at = layout.skipVarint(buf, (this.byNameAt = at + 1));
    this.boolsAt = at;
    at = layout.skipEntries(buf, at, end, layout.boolTag, layout.varintValueTag);
    this.boolsEnd = at;
    return at === end;
  }

  /** Forgets what a scan found that did not reach the end. */
  private forget(): void {
    this.timeAt = this.nameAt = this.databaseAt = this.retentionPolicyAt = this.groupAt = this.byNameAt = 0;
  }

  /**
   * Makes sure that the sections are known; all that reads a point begins here. A point that nobody looks into, passed
   * on or just built, is never scanned.
   *
   * Bytes in Kapacitor's own order are viewed as they are; anything else that is a Point message is brought into that
   * order first. Throws `malformed` for what is none.
   */
  look(): void {
    if (this.scanned) return;
    if (!this.scan()) {
      const { buf, frame, body, end } = buildFromBytes(
        canonicalPoint(this.buf.subarray(this.body, this.end)),
      );
      this.buf = buf;
      this.frame = frame;
      this.body = body;
      this.end = end;
      this.forget();
      this.scan();
    }
    this.scanned = true;
  }

  get time(): bigint {
    this.look();
    return this.timeAt === 0 ? 0n : readInt64(this.buf, this.timeAt);
  }

  get name(): string {
    this.look();
    return this.text(this.nameAt);
  }

  get database(): string {
    this.look();
    return this.text(this.databaseAt);
  }

  get retentionPolicy(): string {
    this.look();
    return this.text(this.retentionPolicyAt);
  }

  get group(): string {
    this.look();
    return this.text(this.groupAt);
  }

  get dimensions(): readonly string[] {
    this.look();
    const names: string[] = [];
    for (let at = this.dimensionsAt; at < this.tagsAt;) {
      names.push(this.text(at + 1));
      at = layout.skipBytes(this.buf, at + 1);
    }
    return names;
  }

  get byName(): boolean {
    this.look();
    return this.byNameAt !== 0 && readInt64(this.buf, this.byNameAt) !== 0n;
  }

  get tags(): Tags {
    this.look();
    const tags: Record<string, string> = {};
    this.eachEntry(this.tagsAt, this.doublesAt, (key, at) => {
      setEntry(tags, key, this.text(at));
    });
    return tags;
  }

  get fields(): Fields {
    this.look();
    const fields: Record<string, FieldValue> = {};
    // In this order a name that stands in two sections ends up with the value that Kapacitor takes.
    this.eachEntry(this.stringsAt, this.stringsEnd, (key, at) => {
      setEntry(fields, key, this.text(at));
    });
    this.eachEntry(this.intsAt, this.stringsAt, (key, at) => {
      setEntry(fields, key, readInt64(this.buf, at));
    });
    this.eachEntry(this.doublesAt, this.intsAt, (key, at) => {
      setEntry(fields, key, readDouble(this.buf, at));
    });
    this.eachEntry(this.boolsAt, this.boolsEnd, (key, at) => {
      setEntry(fields, key, readInt64(this.buf, at) !== 0n);
    });
    return fields;
  }

  field(name: string): FieldValue | undefined {
    this.look();
    const { buf } = this;
    const key = nameBytes(name);
    let at: number;
    if (this.boolsAt < this.boolsEnd) {
      at = layout.findEntry(buf, this.boolsAt, this.boolsEnd, layout.boolTag, key);
      if (at >= 0) return readInt64(buf, at) !== 0n;
    }
    at = layout.findEntry(buf, this.doublesAt, this.intsAt, layout.doubleTag, key);
    if (at >= 0) return readDouble(buf, at);
    at = layout.findEntry(buf, this.intsAt, this.stringsAt, layout.intTag, key);
    if (at >= 0) return readInt64(buf, at);
    at = layout.findEntry(buf, this.stringsAt, this.stringsEnd, layout.stringTag, key);
    return at >= 0 ? this.text(at) : undefined;
  }

  tag(name: string): string | undefined {
    this.look();
    const at = layout.findEntry(this.buf, this.tagsAt, this.doublesAt, layout.tagsTag, nameBytes(name));
    return at >= 0 ? this.text(at) : undefined;
  }

  /** Where the group's bytes start in `buf`, their length in `groupLength`. */
  get groupStart(): number {
    this.look();
    if (this.groupAt === 0) return this.body;
    layout.readLength(this.buf, this.groupAt);
    return layout.valueEnd;
  }

  get groupLength(): number {
    this.look();
    return this.groupAt === 0 ? 0 : layout.readLength(this.buf, this.groupAt);
  }

  withFields(fields: FieldInputs): LazyPoint {
    this.look();
    return LazyPoint.of(replaceFields(this, fields));
  }

  withField(name: string, value: FieldInput): LazyPoint {
    this.look();
    return LazyPoint.of(changeFields(this, none, { [name]: value }));
  }

  addFields(fields: FieldInputs): LazyPoint {
    this.look();
    return LazyPoint.of(changeFields(this, none, fields));
  }

  withoutFields(...names: readonly string[]): LazyPoint {
    this.look();
    return LazyPoint.of(changeFields(this, names, noFields));
  }

  withTags(tags: Tags): LazyPoint {
    return this.withHead({ tags });
  }

  withTime(time: bigint | LongLike): LazyPoint {
    return this.withHead({ time });
  }

  withName(name: string): LazyPoint {
    return this.withHead({ name });
  }

  withDimensions(dimensions: readonly string[], byName = this.byName): LazyPoint {
    return this.withHead({ dimensions, byName });
  }

  detach(): LazyPoint {
    const bytes = Buffer.allocUnsafeSlow(this.end - this.frame);
    this.buf.copy(bytes, 0, this.frame, this.end);
    return new LazyPoint(bytes, 0, this.body - this.frame, bytes.length);
  }

  /** The same point with another head: rare enough to be decoded and written anew. */
  withHead(changes: Partial<PointHead>): LazyPoint {
    this.look();
    const { time, name, database, retentionPolicy, group, dimensions, tags, byName } = this;
    const head = { time, name, database, retentionPolicy, group, dimensions, tags, byName, ...changes };
    return LazyPoint.of(rebuildHead(this, head));
  }

  /** The text whose length stands at `at`. */
  private text(at: number): string {
    if (at === 0) return '';
    const length = layout.readLength(this.buf, at);
    const start = layout.valueEnd;
    return readText(this.buf, start, start + length);
  }

  /** Calls back with each entry's key and where its value starts. */
  private eachEntry(at: number, end: number, visit: (key: string, valueAt: number) => void): void {
    while (at < end) {
      const length = layout.readLength(this.buf, at + 1);
      const entry = layout.valueEnd;
      const keyLength = layout.readLength(this.buf, entry + 1);
      const key = layout.valueEnd;
      visit(readText(this.buf, key, key + keyLength), key + keyLength + 1);
      at = entry + length;
    }
  }
}

const none: readonly string[] = [];
const noFields: FieldInputs = {};
