import type { FieldValue } from '../../model/values.js';
import { FieldWriter } from './field-writer.js';
import { FrameArena } from './frame-arena.js';
import { headRoom, type PointHead, writeByName, writeHead } from './head-writer.js';
import { LazyPoint } from './lazy-point.js';
import { maxInt64Bytes } from './field-writer.js';
import { writeInt64, writeTime } from '../numbers.js';
import { type ScannedFields, scannedRoom, writeScannedBools, writeScannedMaps } from './scanned-fields.js';
import { PointSections } from './sections.js';
import { timeTag } from '../tags.js';
import { viewToRead } from '../view.js';
import { copyWords, wordsIn, writeWords } from '../words.js';

export type { ScannedFields } from './scanned-fields.js';

/** A point's head without its time. */
export type SeriesHead = Omit<PointHead, 'time'>;

const arena = new FrameArena();
const fields = new FieldWriter();
/** A source without any part, for the writers that copy the parts that are not given. */
const nothing = new PointSections();

/**
 * Builds the points of one series: the head is encoded once, and its bytes are copied into each point. A replay builds
 * millions of points per series this way.
 */
export class PointTemplate {
  /** The bytes that all its points have between time and fields. */
  get head(): Buffer {
    return this.#head;
  }

  readonly #head: Buffer;
  readonly #headWords: Int32Array;
  readonly #byName: boolean;

  /** Throws `invalid_argument` if a name, tag or dimension is not a string. */
  constructor(head: SeriesHead) {
    const room = Buffer.allocUnsafeSlow(headRoom(head));
    this.#head = Buffer.from(room.subarray(0, writeHead(room, 0, nothing, head)));
    this.#headWords = new Int32Array(wordsIn(this.#head.length));
    copyWords(this.#headWords, 0, viewToRead(this.#head), 0, this.#head.length);
    this.#byName = head.byName;
  }

  /** A point with the first `count` of these fields. The caller ensures that `time` and each bigint are int64s. */
  point(time: bigint, keys: readonly Uint8Array[], values: readonly FieldValue[], count: number): LazyPoint {
    fields.clear();
    for (let index = 0; index < count; index++) fields.put(keys[index]!, values[index]!);
    const head = this.#head;
    let at = arena.open(1 + maxInt64Bytes + head.length + fields.room + 2);
    const { buf } = arena;
    buf[at] = timeTag;
    at = writeInt64(buf, at + 1, time);
    buf.set(head, at);
    at += head.length;
    at = fields.writeDoubles(buf, at);
    at = fields.writeInts(buf, at);
    at = fields.writeStrings(buf, at);
    if (this.#byName) at = writeByName(buf, at, nothing, { byName: true });
    at = fields.writeBools(buf, at);
    const { frame, body, end } = arena.close(at);
    return LazyPoint.at(buf, frame, body, end);
  }

  /** A point at a time from 1970 on, with fields as a parser found them: none of their values becomes an object. */
  scannedPoint(seconds: number, nanoseconds: number, given: ScannedFields): LazyPoint {
    const head = this.#head;
    let at = arena.open(1 + maxInt64Bytes + head.length + 3 + scannedRoom(given) + 2);
    const { buf } = arena;
    buf[at] = timeTag;
    at = writeTime(buf, at + 1, seconds, nanoseconds);
    at = writeWords(buf, at, this.#headWords, head.length);
    at = writeScannedMaps(buf, at, given);
    if (this.#byName) at = writeByName(buf, at, nothing, { byName: true });
    at = writeScannedBools(buf, at, given);
    const { frame, body, end } = arena.close(at);
    return LazyPoint.at(buf, frame, body, end);
  }
}
