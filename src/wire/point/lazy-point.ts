import {
  type Fields,
  type FieldInput,
  type FieldInputs,
  type FieldValue,
  type LongLike,
  type Tags,
  setEntry,
} from '../../model/values.js';
import { type FrameSpan, pointTag0, pointTag1 } from './frame-arena.js';
import { checkNames, nonEmpty, type PointHead } from './head-writer.js';
import { canonicalPoint, encodeResponse, type PointMessage } from '../messages.js';
import { readDouble, readInt64, readInt64AsNumber } from '../numbers.js';
import {
  buildFromBytes,
  buildPoint,
  changeFields,
  changeHead,
  changeTags,
  replaceFields,
} from './builder.js';
import * as layout from './layout.js';
import { PointSections } from './sections.js';
import { nameBytes, readText } from '../text.js';

/**
 * Where things are in the point that was looked at last. A handler works on one point at a time, so one such record
 * serves all: a point itself is four words, and a batch of ten thousand costs a quarter of what it would with a record
 * each. Whoever goes back and forth between two points pays for a scan each time.
 */
const sections = new PointSections();

/**
 * A point as a view over the bytes that it came in. One scan finds the sections; a value is decoded when it is asked
 * for, and an unchanged point is sent on as its own bytes.
 */
export class LazyPoint {
  // Declared only: as class fields they would be written twice for each point.
  declare buf: Buffer;
  /** The whole frame, length prefix included: `buf[frame..end)`. */
  declare frame: number;
  /** The Point message: `buf[body..end)`. */
  declare body: number;
  declare end: number;

  constructor(buf: Buffer, frame: number, body: number, end: number) {
    this.buf = buf;
    this.frame = frame;
    this.body = body;
    this.end = end;
  }

  /** The point in a frame off the wire, or `undefined` if the frame holds something else. */
  static fromFrame(buf: Buffer, frame: number, payload: number, end: number): LazyPoint | undefined {
    if (buf[payload] !== pointTag0 || buf[payload + 1] !== pointTag1) return undefined;
    let body = payload + 3;
    let size = buf[body - 1]!;
    if (size > 0x7f) {
      const second = buf[body]!;
      if (second < 0x80) {
        size = (size & 0x7f) | (second << 7);
        body++;
      } else {
        size = layout.readLength(buf, body - 1);
        body = layout.valueEnd;
      }
    }
    return body + size === end ? new LazyPoint(buf, frame, body, end) : undefined;
  }

  /** The point in a buffer that holds its frame and no more, or `undefined` if it holds something else. */
  static fromWholeFrame(frame: Buffer): LazyPoint | undefined {
    const size = layout.readLength(frame, 0);
    const payload = layout.valueEnd;
    return payload + size === frame.length ? LazyPoint.fromFrame(frame, 0, payload, frame.length) : undefined;
  }

  /** A point that was decoded whole, because its message was encoded in an unusual way. */
  static fromMessage(message: PointMessage): LazyPoint {
    return LazyPoint.fromWholeFrame(encodeResponse({ kind: 'point', ...message }))!; // encoded here, in the usual way
  }

  /** A new point. Throws `invalid_argument` for a value that the protocol cannot hold; empty names pass. */
  static create(head: PointHead, fields: FieldInputs): LazyPoint {
    return LazyPoint.of(buildPoint(head, fields));
  }

  private static of({ buf, frame, body, end }: FrameSpan): LazyPoint {
    return new LazyPoint(buf, frame, body, end);
  }

  /**
   * Where the sections are; all that reads a point begins here. A point that nobody looks into, passed on or just
   * built, is never scanned.
   *
   * Bytes in Kapacitor's own order are viewed as they are; anything else that is a Point message is brought into that
   * order first. Throws `malformed` for what is none.
   */
  sections(): PointSections {
    if (sections.body !== this.body || sections.buf !== this.buf) this.scan();
    return sections;
  }

  /**
   * The same, with every map entry known to be in canonical form. Costs about as much as the scan itself, so what only
   * searches for a field does without and checks the entries that it passes.
   */
  validatedSections(): PointSections {
    if (!this.sections().check()) this.rewrite();
    return sections;
  }

  private scan(): void {
    if (!sections.scan(this.buf, this.body, this.end)) this.rewrite();
  }

  /** Replaces the bytes by canonical ones that say the same. Throws `malformed` if they are no Point message. */
  private rewrite(): void {
    sections.body = 0; // whatever becomes of it, these are not its sections
    const built = buildFromBytes(canonicalPoint(this.buf.subarray(this.body, this.end)));
    this.buf = built.buf;
    this.frame = built.frame;
    this.body = built.body;
    this.end = built.end;
    sections.scan(this.buf, this.body, this.end);
  }

  get time(): bigint {
    const { timeAt } = this.sections();
    return timeAt === 0 ? 0n : readInt64(this.buf, timeAt);
  }

  get seconds(): number {
    return this.sections().seconds;
  }

  get nanoseconds(): number {
    return this.sections().nanoseconds;
  }

  get name(): string {
    return this.text(this.sections().nameAt);
  }

  get database(): string {
    return this.text(this.sections().databaseAt);
  }

  get retentionPolicy(): string {
    return this.text(this.sections().retentionPolicyAt);
  }

  get group(): string {
    return this.text(this.sections().groupAt);
  }

  get dimensions(): readonly string[] {
    const { dimensionsAt, tagsAt } = this.sections();
    const names: string[] = [];
    for (let at = dimensionsAt; at < tagsAt; at = layout.skipBytes(this.buf, at + 1)) {
      names.push(this.text(at + 1));
    }
    return names;
  }

  get byName(): boolean {
    const { byNameAt } = this.sections();
    return byNameAt !== 0 && readInt64(this.buf, byNameAt) !== 0n;
  }

  get tags(): Tags {
    const { tagsAt, doublesAt } = this.validatedSections();
    const tags: Record<string, string> = {};
    this.eachEntry(tagsAt, doublesAt, (key, at) => {
      setEntry(tags, key, this.text(at));
    });
    return tags;
  }

  get fields(): Fields {
    const { doublesAt, intsAt, stringsAt, stringsEnd, boolsAt, boolsEnd } = this.validatedSections();
    const fields: Record<string, FieldValue> = {};
    // In this order a name that stands in two sections ends up with the value that Kapacitor takes.
    this.eachEntry(stringsAt, stringsEnd, (key, at) => {
      setEntry(fields, key, this.text(at));
    });
    this.eachEntry(intsAt, stringsAt, (key, at) => {
      setEntry(fields, key, readInt64(this.buf, at));
    });
    this.eachEntry(doublesAt, intsAt, (key, at) => {
      setEntry(fields, key, readDouble(this.buf, at));
    });
    this.eachEntry(boolsAt, boolsEnd, (key, at) => {
      setEntry(fields, key, readInt64(this.buf, at) !== 0n);
    });
    return fields;
  }

  field(name: string): FieldValue | undefined {
    const at = this.findField(name);
    if (at === layout.absent) return undefined;
    const { buf } = this;
    if (at < sections.intsAt) return readDouble(buf, at);
    if (at < sections.stringsAt) return readInt64(buf, at);
    return at < sections.stringsEnd ? this.text(at) : readInt64(buf, at) !== 0n;
  }

  number(name: string): number | undefined {
    const at = this.findField(name);
    if (at === layout.absent) return undefined;
    const { buf } = this;
    if (at < sections.intsAt) return readDouble(buf, at);
    return at < sections.stringsAt ? readInt64AsNumber(buf, at) : undefined;
  }

  tag(name: string): string | undefined {
    const { tagsAt, doublesAt } = this.validatedSections();
    const at = layout.findEntry(this.buf, tagsAt, doublesAt, layout.textValueTag, nameBytes(name));
    return at === layout.absent ? undefined : this.text(at);
  }

  withField(name: string, value: FieldInput): LazyPoint {
    return LazyPoint.of(changeFields(this, none, { [name]: value }));
  }

  withFields(fields: FieldInputs): LazyPoint {
    return LazyPoint.of(changeFields(this, none, fields));
  }

  replaceFields(fields: FieldInputs): LazyPoint {
    return LazyPoint.of(replaceFields(this, fields));
  }

  withoutFields(...names: readonly string[]): LazyPoint {
    return LazyPoint.of(changeFields(this, names, noFields));
  }

  withTag(name: string, value: string): LazyPoint {
    return LazyPoint.of(changeTags(this, { [name]: value }));
  }

  withTags(tags: Tags): LazyPoint {
    return LazyPoint.of(changeTags(this, tags));
  }

  replaceTags(tags: Tags): LazyPoint {
    checkNames('tag', tags);
    return this.withHead({ tags });
  }

  withTime(time: bigint | LongLike): LazyPoint {
    return this.withHead({ time });
  }

  withName(name: string): LazyPoint {
    return this.withHead({ name: nonEmpty(name, "a point's name") });
  }

  withDatabase(database: string): LazyPoint {
    return this.withHead({ database });
  }

  withRetentionPolicy(retentionPolicy: string): LazyPoint {
    return this.withHead({ retentionPolicy });
  }

  withDimensions(dimensions: readonly string[], byName?: boolean): LazyPoint {
    return this.withHead(byName === undefined ? { dimensions } : { dimensions, byName });
  }

  detach(): LazyPoint {
    const bytes = Buffer.allocUnsafeSlow(this.end - this.frame);
    this.buf.copy(bytes, 0, this.frame, this.end);
    return new LazyPoint(bytes, 0, this.body - this.frame, bytes.length);
  }

  /** The same point with parts of its head changed, and the bytes of all others as they are. */
  withHead(changes: Partial<PointHead>): LazyPoint {
    return LazyPoint.of(changeHead(this, changes));
  }

  /** Where a field's value starts in `buf`; the sections before and behind it tell its type. `absent` if there is none. */
  private findField(name: string): number {
    const key = nameBytes(name);
    const at = this.sections().findField(key);
    if (at !== layout.irregular) return at;
    this.rewrite();
    return sections.findField(key);
  }

  /** The text whose length stands at `at`. */
  private text(at: number): string {
    if (at === 0) return '';
    const { buf } = this;
    let start = at + 1;
    let length = buf[at]!;
    if (length > 0x7f) {
      length = layout.readLength(buf, at);
      start = layout.valueEnd;
    }
    return readText(buf, start, start + length);
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
