import {
  type Fields,
  type FieldInput,
  type FieldInputs,
  type FieldValue,
  type LongLike,
  type Tags,
  setEntry,
} from '../../model/values.js';
import type { FrameSpan } from './frame-arena.js';
import { checkArray, checkBoolean, checkNames, nonEmpty, textOf } from '../checks.js';
import { int64Of } from '../int64.js';
import { ownHead as takeHead, type PointHead } from './head-writer.js';
import type { FrameOutput } from '../frame-output.js';
import { canonicalPoint, encodeResponse, type PointMessage } from '../messages.js';
import { readDouble, readInt64, readInt64AsNumber } from '../numbers.js';
import {
  buildFromBytes,
  buildPoint,
  changeFields,
  changeHead,
  changeTags,
  replaceFields,
  takeFields,
} from './builder.js';
import * as layout from './layout.js';
import { refuseAssignments } from './refuse-assignments.js';
import { PointSections } from './sections.js';
import { contentTag, type Inspect, inspectSymbol, pointForJson, shownPoint } from './show.js';
import { pointTag0, pointTag1, tagsTag, textValueTag } from '../tags.js';
import { nameBytes, readText } from '../text.js';

/**
 * The sections of the last point that was read. Handlers read one point at a time, so all points share one record: a
 * batch of ten thousand takes a quarter of the memory that it would with a record per point. Alternating between two
 * points costs a scan per change.
 */
const sections = new PointSections();

/** A point's group as its bytes: `buf[groupStart..groupStart + groupLength)`. */
export interface GroupBytes {
  readonly buf: Buffer;
  readonly groupStart: number;
  readonly groupLength: number;
}

/**
 * A point as a view over its received bytes. One scan finds the sections, values are decoded when they are read, and an
 * unchanged point is forwarded as its own bytes.
 */
export class LazyPoint {
  // ECMAScript's private fields: what an author's JavaScript assigns (`point.buf = …`) must not reach the wire, and a
  // test that compares points must not compare offsets. Private methods would cost a brand check per call; static
  // ones and functions are used instead.
  #buf: Buffer;
  /** The whole frame, length prefix included: `#buf[#frame..#end)`. */
  #frame: number;
  /** The Point message: `#buf[#body..#end)`. */
  #body: number;
  #end: number;

  private constructor(buf: Buffer, frame: number, body: number, end: number) {
    this.#buf = buf;
    this.#frame = frame;
    this.#body = body;
    this.#end = end;
  }

  /** The point whose frame is `buf[frame..end)` and whose message starts at `body`. */
  static at(buf: Buffer, frame: number, body: number, end: number): LazyPoint {
    return new LazyPoint(buf, frame, body, end);
  }

  /**
   * Whether a value is a point. `instanceof` is also true for `Object.create(point)` and a Proxy of a point, which lack
   * the private fields: writing one throws, in a batch after its Begin was written.
   */
  static is(value: unknown): value is LazyPoint {
    return typeof value === 'object' && value !== null && #buf in value;
  }

  /** The point in a received frame, or `undefined` if the frame holds another message. */
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
    return body + size === end ? LazyPoint.at(buf, frame, body, end) : undefined;
  }

  /** The point in a buffer that consists of one frame, or `undefined` if it holds anything else. */
  static fromWholeFrame(frame: Buffer): LazyPoint | undefined {
    const size = layout.readLength(frame, 0);
    const payload = layout.valueEnd;
    return payload + size === frame.length ? LazyPoint.fromFrame(frame, 0, payload, frame.length) : undefined;
  }

  /** A point from a fully decoded message, for frames whose oneof is not encoded in canonical form. */
  static fromMessage(message: PointMessage): LazyPoint {
    return LazyPoint.fromWholeFrame(encodeResponse({ kind: 'point', ...message }))!; // canonical: encoded here
  }

  /** A new point. Throws `invalid_argument` for a value that the protocol cannot hold; empty names are allowed. */
  static create(head: PointHead, fields: FieldInputs): LazyPoint {
    return LazyPoint.#of(buildPoint(head, fields));
  }

  static #of({ buf, frame, body, end }: FrameSpan): LazyPoint {
    return LazyPoint.at(buf, frame, body, end);
  }

  /** A point's group, to look up its state without making a string. Valid until another point is read. */
  static groupBytesOf(point: LazyPoint): GroupBytes {
    return LazyPoint.sectionsOf(point);
  }

  /**
   * Whether a point has the same frame as another (`same`), or at least the same time, name, group and tags (`changed`).
   * Both in canonical order, as they are received.
   */
  static compare(point: LazyPoint, other: LazyPoint): 'same' | 'changed' | undefined {
    const buf = point.#buf;
    const otherBuf = other.#buf;
    const body = point.#body;
    const otherBody = other.#body;
    // Mostly the times differ, in their first bytes.
    for (let index = 0; index < timeBytes; index++) {
      if (buf[body + index] !== otherBuf[otherBody + index]) return undefined;
    }
    const length = point.#end - body;
    if (
      length === other.#end - otherBody &&
      buf.compare(otherBuf, otherBody, other.#end, body, point.#end) === 0
    ) {
      return 'same';
    }
    const head = LazyPoint.sectionsOf(point).doublesAt - body;
    if (
      otherBody + head > other.#end ||
      buf.compare(otherBuf, otherBody, otherBody + head, body, body + head)
    ) {
      return undefined;
    }
    return otherBuf[otherBody + head] === tagsTag ? undefined : 'changed';
  }

  /** Where the parts that all points of a series share lie: `buf[headAt..doublesAt)`. Valid until another point is read. */
  static headOf(point: LazyPoint): {
    readonly buf: Buffer;
    readonly headAt: number;
    readonly doublesAt: number;
  } {
    return LazyPoint.sectionsOf(point);
  }

  /** Throws `malformed` if the bytes are not a Point message. Map entries are checked when they are read. */
  static validate(point: LazyPoint): void {
    LazyPoint.sectionsOf(point);
  }

  /**
   * Where the sections of a point lie; valid until another point is read.
   *
   * Bytes in Kapacitor's own order are viewed as they are; any other Point message is first rewritten in that order.
   * Throws `malformed` if they are not a Point message.
   */
  private static sectionsOf(point: LazyPoint): PointSections {
    if (sections.body !== point.#body || sections.buf !== point.#buf) LazyPoint.#scan(point);
    return sections;
  }

  /**
   * `sectionsOf`, with all map entries checked to be in canonical form. This costs about as much as the scan, so the search
   * for one field checks only the entries that it passes.
   */
  static #validatedSections(point: LazyPoint): PointSections {
    if (!LazyPoint.sectionsOf(point).check()) LazyPoint.#rewrite(point);
    return sections;
  }

  static #scan(point: LazyPoint): void {
    if (!sections.scan(point.#buf, point.#body, point.#end)) LazyPoint.#rewrite(point);
  }

  /** Replaces the bytes by their canonical form. Throws `malformed` if they are not a Point message. */
  static #rewrite(point: LazyPoint): void {
    sections.body = 0; // marks `sections` as invalid, in case the next line throws
    const { buf, frame, body, end } = buildFromBytes(
      canonicalPoint(point.#buf.subarray(point.#body, point.#end)),
    );
    point.#buf = buf;
    point.#frame = frame;
    point.#body = body;
    point.#end = end;
    sections.scan(buf, body, end);
  }

  /** Where a field's value starts in `#buf`, or `absent`; the section that contains it tells its type. */
  static #findField(point: LazyPoint, name: string): number {
    const key = nameBytes(name);
    const at = LazyPoint.sectionsOf(point).findField(key);
    if (at !== layout.irregular) return at;
    LazyPoint.#rewrite(point);
    return sections.findField(key);
  }

  /** Adds its frame to `output`. */
  writeTo(output: FrameOutput): void {
    output.add(this.#buf, this.#frame, this.#end);
  }

  /** Its frame, length prefix included: a view that must not be changed. */
  frameBytes(): Buffer {
    return this.#buf.subarray(this.#frame, this.#end);
  }

  /** How many bytes its frame has. */
  get frameLength(): number {
    return this.#end - this.#frame;
  }

  get time(): bigint {
    const { timeAt } = LazyPoint.sectionsOf(this);
    return timeAt === 0 ? 0n : readInt64(this.#buf, timeAt);
  }

  get seconds(): number {
    return LazyPoint.sectionsOf(this).seconds;
  }

  get nanoseconds(): number {
    return LazyPoint.sectionsOf(this).nanoseconds;
  }

  get name(): string {
    const { buf, nameAt } = LazyPoint.sectionsOf(this);
    return textAt(buf, nameAt);
  }

  get database(): string {
    const { buf, databaseAt } = LazyPoint.sectionsOf(this);
    return textAt(buf, databaseAt);
  }

  get retentionPolicy(): string {
    const { buf, retentionPolicyAt } = LazyPoint.sectionsOf(this);
    return textAt(buf, retentionPolicyAt);
  }

  get group(): string {
    const { buf, groupAt } = LazyPoint.sectionsOf(this);
    return textAt(buf, groupAt);
  }

  get dimensions(): readonly string[] {
    const { dimensionsAt, tagsAt } = LazyPoint.sectionsOf(this);
    const names: string[] = [];
    for (let at = dimensionsAt; at < tagsAt; at = layout.skipBytes(this.#buf, at + 1)) {
      names.push(textAt(this.#buf, at + 1));
    }
    return Object.freeze(names);
  }

  get byName(): boolean {
    const { byNameAt } = LazyPoint.sectionsOf(this);
    return byNameAt !== 0 && readInt64(this.#buf, byNameAt) !== 0n;
  }

  get tags(): Tags {
    const { tagsAt, doublesAt } = LazyPoint.#validatedSections(this);
    const tags: Record<string, string> = {};
    eachEntry(this.#buf, tagsAt, doublesAt, (key, at) => {
      setEntry(tags, key, textAt(this.#buf, at));
    });
    return Object.freeze(tags);
  }

  get fields(): Fields {
    const { doublesAt, intsAt, stringsAt, stringsEnd, boolsAt, boolsEnd } =
      LazyPoint.#validatedSections(this);
    const fields: Record<string, FieldValue> = {};
    // In this order, a name in two sections gets the value that Kapacitor takes.
    eachEntry(this.#buf, stringsAt, stringsEnd, (key, at) => {
      setEntry(fields, key, textAt(this.#buf, at));
    });
    eachEntry(this.#buf, intsAt, stringsAt, (key, at) => {
      setEntry(fields, key, readInt64(this.#buf, at));
    });
    eachEntry(this.#buf, doublesAt, intsAt, (key, at) => {
      setEntry(fields, key, readDouble(this.#buf, at));
    });
    eachEntry(this.#buf, boolsAt, boolsEnd, (key, at) => {
      setEntry(fields, key, readInt64(this.#buf, at) !== 0n);
    });
    return Object.freeze(fields);
  }

  field(name: string): FieldValue | undefined {
    const at = LazyPoint.#findField(this, name);
    if (at === layout.absent) return undefined;
    const buf = this.#buf;
    if (at < sections.intsAt) return readDouble(buf, at);
    if (at < sections.stringsAt) return readInt64(buf, at);
    return at < sections.stringsEnd ? textAt(this.#buf, at) : readInt64(buf, at) !== 0n;
  }

  number(name: string): number | undefined {
    const at = LazyPoint.#findField(this, name);
    if (at === layout.absent) return undefined;
    const buf = this.#buf;
    if (at < sections.intsAt) return readDouble(buf, at);
    return at < sections.stringsAt ? readInt64AsNumber(buf, at) : undefined;
  }

  tag(name: string): string | undefined {
    const { tagsAt, doublesAt } = LazyPoint.#validatedSections(this);
    const at = layout.findEntry(this.#buf, tagsAt, doublesAt, textValueTag, nameBytes(name, "a tag's name"));
    return at === layout.absent ? undefined : textAt(this.#buf, at);
  }

  withField(name: string, value: FieldInput): LazyPoint {
    takeFields({ [textOf(name, "a field's name")]: value });
    return LazyPoint.#of(changeFields(none, LazyPoint.#validatedSections(this)));
  }

  withFields(fields: FieldInputs): LazyPoint {
    takeFields(fields);
    return LazyPoint.#of(changeFields(none, LazyPoint.#validatedSections(this)));
  }

  replaceFields(fields: FieldInputs): LazyPoint {
    takeFields(fields);
    return LazyPoint.#of(replaceFields(LazyPoint.sectionsOf(this)));
  }

  withoutFields(...names: readonly string[]): LazyPoint {
    takeFields(noFields);
    return LazyPoint.#of(changeFields(names, LazyPoint.#validatedSections(this)));
  }

  withTag(name: string, value: string): LazyPoint {
    return this.withTags({ [textOf(name, "a tag's name")]: value });
  }

  withTags(tags: Tags): LazyPoint {
    checkNames('tag', tags);
    return LazyPoint.#of(changeTags(takeHead({ tags }), LazyPoint.#validatedSections(this)));
  }

  replaceTags(tags: Tags): LazyPoint {
    checkNames('tag', tags);
    return this.withHead({ tags });
  }

  withTime(time: bigint | LongLike): LazyPoint {
    return this.withHead({ time: int64Of(time, "a point's time") });
  }

  withName(name: string): LazyPoint {
    return this.withHead({ name: nonEmpty(textOf(name, pointName), pointName) });
  }

  withDatabase(database: string): LazyPoint {
    return this.withHead({ database: textOf(database, "a point's database") });
  }

  withRetentionPolicy(retentionPolicy: string): LazyPoint {
    return this.withHead({ retentionPolicy: textOf(retentionPolicy, "a point's retentionPolicy") });
  }

  withDimensions(dimensions: readonly string[], byName?: boolean): LazyPoint {
    checkArray("a point's dimensions", dimensions);
    if (byName !== undefined) checkBoolean('byName', byName);
    return this.withHead(byName === undefined ? { dimensions } : { dimensions, byName });
  }

  detach(): LazyPoint {
    const bytes = Buffer.allocUnsafeSlow(this.#end - this.#frame);
    this.#buf.copy(bytes, 0, this.#frame, this.#end);
    return LazyPoint.at(bytes, 0, this.#body - this.#frame, bytes.length);
  }

  /**
   * The point in the form of a JSON Lines recording. Test runners call this without a key to print a difference or a
   * snapshot: they get plain values, including bigints, for which `JSON.stringify` would throw.
   */
  toJSON(key?: string): object {
    return key === undefined ? shownPoint(this) : pointForJson(this);
  }

  /** The same text as `JSON.stringify` gives. */
  toString(): string {
    return JSON.stringify(this);
  }

  [inspectSymbol](_depth: number, options: object, inspect: Inspect): string {
    return inspect(shownPoint(this), options);
  }

  get [Symbol.toStringTag](): string {
    return contentTag(this);
  }

  /** The same point with the given parts of its head; the bytes of all other parts are copied unchanged. */
  withHead(changes: Partial<PointHead>): LazyPoint {
    return LazyPoint.#of(changeHead(takeHead(changes), LazyPoint.sectionsOf(this)));
  }
}

refuseAssignments(LazyPoint.prototype);

/** The string whose length is at `at`; empty if `at` is 0. */
function textAt(buf: Buffer, at: number): string {
  if (at === 0) return '';
  let start = at + 1;
  let length = buf[at]!;
  if (length > 0x7f) {
    length = layout.readLength(buf, at);
    start = layout.valueEnd;
  }
  return readText(buf, start, start + length);
}

/** Calls `visit` with each map entry's key and the offset of its value. */
function eachEntry(
  buf: Buffer,
  start: number,
  end: number,
  visit: (key: string, valueAt: number) => void,
): void {
  for (let at = start; at < end;) {
    const length = layout.readLength(buf, at + 1);
    const entry = layout.valueEnd;
    const keyLength = layout.readLength(buf, entry + 1);
    const key = layout.valueEnd;
    visit(readText(buf, key, key + keyLength), key + keyLength + 1);
    at = entry + length;
  }
}

/** Bytes of a time of the years 1972 to 2262, and its tag. */
const timeBytes = 10;

const pointName = "a point's name";
const none: readonly string[] = [];
const noFields: FieldInputs = {};
