import assert from 'node:assert/strict';
import { LazyPoint } from '../../src/wire/point/lazy-point.js';
import { oracleFields, type OraclePoint } from './oracle.js';
import { pointFrame } from './wire-bytes.js';

/** Bytes around a point in a read buffer; reading them as part of the point would change it. */
const before = Buffer.from([0x8a, 0x01, 0x80, 0xff]);
const after = Buffer.from([0x0a, 0x12, 0x42, 0xff, 0xff, 0xff, 0xff, 0xff]);

/** A Point message's bytes as the agent sees them: in the middle of a chunk. */
export function lazyPoint(body: Uint8Array): LazyPoint {
  const { buf, frame, payload, end } = pointFrame(body, before, after);
  const point = LazyPoint.fromFrame(buf, frame, payload, end);
  assert(point);
  return point;
}

/** All properties of a point. */
export function readAll(point: LazyPoint) {
  const { time, name, database, retentionPolicy, group, dimensions, byName, tags, fields } = point;
  const { buf, groupStart, groupLength } = LazyPoint.groupBytesOf(point);
  const groupBytes = buf.subarray(groupStart, groupStart + groupLength);
  assert.equal(groupBytes.toString(), group);
  return { time, name, database, retentionPolicy, group, dimensions, byName, tags, fields };
}

/** The expected result of `readAll`. */
export function expected(message: OraclePoint): ReturnType<typeof readAll> {
  const { time, name, database, retentionPolicy, group, dimensions, byName, tags } = message;
  const fields = oracleFields(message);
  return { time, name, database, retentionPolicy, group, dimensions, byName, tags, fields };
}

/** The frame that a point is sent as. */
export function frameOf(point: LazyPoint): Buffer {
  return point.frameBytes();
}

/** The Point message within it. */
export function bodyOf(point: LazyPoint): Buffer {
  const frame = point.frameBytes();
  let at = 0;
  const skipVarint = (): void => {
    while (frame[at++]! > 0x7f);
  };
  skipVarint(); // the frame's length
  skipVarint(); // the tag of a point
  skipVarint(); // the point's length
  return frame.subarray(at);
}
