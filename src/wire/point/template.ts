import type { FieldValue } from '../../model/values.js';
import { FieldWriter } from './field-writer.js';
import { FrameArena } from './frame-arena.js';
import { headRoom, type PointHead, writeByName, writeHead } from './head-writer.js';
import { LazyPoint } from './lazy-point.js';
import { maxInt64Bytes } from './field-writer.js';
import { writeInt64 } from '../numbers.js';
import { PointSections } from './sections.js';
import { timeTag } from '../tags.js';

/** Everything of a point's head but its time. */
export type SeriesHead = Omit<PointHead, 'time'>;

const arena = new FrameArena();
const fields = new FieldWriter();
const nothing = new PointSections();

/**
 * Makes the points of one series: the bytes of the head are written once and copied into each point. For whoever makes
 * millions of points, as a replay does.
 */
export class PointTemplate {
  readonly #head: Buffer;
  readonly #byName: boolean;

  /** Throws `invalid_argument` for what is not text where text belongs. */
  constructor(head: SeriesHead) {
    const room = Buffer.allocUnsafeSlow(headRoom(head));
    this.#head = Buffer.from(room.subarray(0, writeHead(room, 0, nothing, head)));
    this.#byName = head.byName;
  }

  /** A point with the first `count` of these fields; `time` must be an int64, and so must each bigint. */
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
}
