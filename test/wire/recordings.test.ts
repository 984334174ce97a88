import assert from 'node:assert/strict';
import { describe, expect, it } from 'vitest';
import { prependLength } from '../../src/wire/framing.js';
import { LazyPoint } from '../../src/wire/point/lazy-point.js';
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse } from '../../src/wire/messages.js';
import { payloads, pieces } from '../support/frames.js';
import { bodyOf, expected, frameOf, readAll } from '../support/lazy-points.js';
import { oraclePoint } from '../support/oracle.js';
import { conversation, conversations } from '../support/recordings.js';

const directions = conversations.flatMap(({ name, requests, responses }) => [
  {
    name: `${name}.requests`,
    stream: requests,
    again: (payload: Buffer) => encodeRequest(decodeRequest(payload)),
  },
  {
    name: `${name}.responses`,
    stream: responses,
    again: (payload: Buffer) => encodeResponse(decodeResponse(payload)),
  },
]);

/** A stream's points, each as it lies in the stream. */
function pointsOf(stream: Buffer): LazyPoint[] {
  return payloads([stream]).flatMap((payload) => {
    const frame = prependLength(payload);
    const point = LazyPoint.fromFrame(frame, 0, frame.length - payload.length, frame.length);
    return point ? [point] : [];
  });
}

describe.each(directions)('what Kapacitor and a UDF said in $name', ({ stream, again }) => {
  const all = payloads([stream]);

  it('is decoded and encoded again to the very same bytes', () => {
    expect(all.length).toBeGreaterThan(20);
    assert.deepEqual(Buffer.concat(all.map(again)), stream);
  });

  it('is the same frames at every cut of the bytes', () => {
    // Between frames the reader remembers nothing, so a cut matters to the frames around it only.
    for (let index = 0; index < all.length; index++) {
      const around = all.slice(Math.max(0, index - 1), index + 2);
      const bytes = Buffer.concat(around.map((payload) => prependLength(payload)));
      for (let cut = 0; cut <= bytes.length; cut++) assert.deepEqual(payloads(pieces(bytes, [cut])), around);
    }
  });

  it('is the same frames when the bytes come one by one', () => {
    assert.deepEqual(payloads(pieces(stream, Array<number>(stream.length).fill(1))), all);
  });

  it('has points that are read as protobufjs reads them, where they lie', () => {
    const points = pointsOf(stream);
    expect(points.length).toBeGreaterThan(17);
    for (const point of points) {
      const { buffer, byteOffset } = frameOf(point);
      assert.deepEqual(readAll(point), expected(oraclePoint(bodyOf(point))));
      assert.equal(frameOf(point).buffer, buffer);
      assert.equal(frameOf(point).byteOffset, byteOffset);
    }
  });

  it('has points that come out as the very same bytes when each part is written anew', () => {
    for (const point of pointsOf(stream)) {
      const { time, name, database, retentionPolicy, group, dimensions, tags, byName, fields } = point;
      const head = { time, name, database, retentionPolicy, group, dimensions, tags, byName };
      assert.deepEqual(frameOf(LazyPoint.create(head, fields)), frameOf(point));
      assert.deepEqual(frameOf(point.withHead(head)), frameOf(point));
      assert.deepEqual(frameOf(point.replaceFields(fields)), frameOf(point));
      assert.deepEqual(
        frameOf(point.withTime(1n).withHead({ name: 'x' }).withTime(time).withHead({ name })),
        frameOf(point),
      );
    }
  });
});

describe('the recorded ADSL records', () => {
  it('are the 17 that the story tells, and one later point', () => {
    const points = pointsOf(conversation('adsl-mirror').requests);
    expect(points).toHaveLength(18);
    expect(points[0]).toMatchObject({
      time: 1514979051065000000n,
      name: 'adsl_connection',
      tags: { host: 'router1' },
      fields: { value: 'SHOWTIME' },
    });
    const states = points.slice(0, 17).map((point) => point.field('value'));
    const changes = states.filter((state, index) => state !== states[index - 1]);
    expect(changes).toHaveLength(6);
  });
});
