import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UdfError } from '../../src/model/errors.js';
import { LazyPoint } from '../../src/wire/point/lazy-point.js';
import { decodeRequest, decodeResponse } from '../../src/wire/messages.js';
import { damagedPointArbitrary, pointArbitrary } from '../support/generators.js';
import { expected, lazyPoint, readAll } from '../support/lazy-points.js';
import { oraclePoint } from '../support/oracle.js';
import { propertyTimeout, runs } from '../support/runs.js';
import { bytesField, delimited, pointFrame, tag, varint, wireType } from '../support/wire-bytes.js';

/** What a call returns, or the code of the `UdfError` that it throws; any other error is a failure. */
function outcome<Value>(call: () => Value): Value | string {
  try {
    return call();
  } catch (error) {
    assert(error instanceof UdfError, `not a UdfError: ${String(error)}`);
    return error.code;
  }
}

/** What looks at all of a point's maps, or at all of one. */
const thorough: readonly ((point: LazyPoint) => unknown)[] = [
  readAll,
  (point) => point.fields,
  (point) => point.tags,
  (point) => point.tag('host'),
  (point) => point.withField('value', 1),
  (point) => point.withFields({ value: 1 }),
  (point) => point.withoutFields('value'),
];

/** What may miss that an entry is broken which it has no need to look at. */
const quick: readonly ((point: LazyPoint) => unknown)[] = [
  (point) => point.time,
  (point) => point.name,
  (point) => point.dimensions,
  (point) => point.byName,
  (point) => LazyPoint.groupBytesOf(point).groupLength,
  (point) => point.field('value'),
  (point) => point.replaceFields({ value: 1 }),
  (point) => point.withTime(1n),
];

describe('a point whose bytes are broken', { timeout: propertyTimeout }, () => {
  it.each([
    ['of a message damaged in one spot', damagedPointArbitrary],
    ['that have nothing to do with a point', fc.uint8Array({ maxLength: 64 }).map((all) => Buffer.from(all))],
  ])('is read as protobufjs reads it, or refused as malformed where it refuses: bytes %s', (_, arbitrary) => {
    fc.assert(
      fc.property(arbitrary, (body) => {
        let message;
        try {
          message = expected(oraclePoint(body));
        } catch {
          for (const access of thorough) {
            const point = lazyPoint(body);
            assert.equal(
              outcome(() => access(point)),
              'malformed',
            );
            // Not only the first time: no half-made state is left behind.
            assert.equal(
              outcome(() => access(point)),
              'malformed',
            );
          }
          for (const access of quick) outcome(() => access(lazyPoint(body)));
          return;
        }
        for (const access of [...thorough, ...quick]) {
          assert.notEqual(
            outcome(() => access(lazyPoint(body))),
            'malformed',
          );
        }
        assert.deepEqual(readAll(lazyPoint(body)), message);
      }),
      runs(500),
    );
  });

  it('does not spoil the reading of another', () => {
    fc.assert(
      fc.property(pointArbitrary, fc.uint8Array({ maxLength: 20 }), (body, noise) => {
        const good = lazyPoint(body);
        const { time } = good;
        outcome(() => lazyPoint(noise).fields);
        assert.equal(good.time, time);
        assert.deepEqual(readAll(good), expected(oraclePoint(body)));
      }),
      runs(200),
    );
  });

  it.each([
    ['a text longer than the message', [0x12, 0x05, 0x61]],
    ['a text longer than any memory', [0x12, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x61]],
    ['a length without end', [0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]],
    ['a time without end', [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]],
    ['a time that is cut', [0x08, 0xff]],
    ['the field number 0', [0x00, 0x01]],
    ['a wire type that is none', [0x0f, 0x01]],
    ['the end of a group that was not begun', [0x6c]],
    ['a group that does not end', [0x6b]],
  ])('is refused as malformed: %s', (_, bytes) => {
    for (const access of [...thorough, ...quick]) {
      expect(outcome(() => access(lazyPoint(Buffer.from(bytes))))).toBe('malformed');
    }
  });

  it.each([
    ['an entry whose key is longer than the entry', [0x4a, 0x04, 0x0a, 0x09, 0x61, 0x10]],
    ['an entry that ends within its value', [0x42, 0x07, 0x0a, 0x01, 0x61, 0x11, 0x00, 0x00, 0x00]],
    ['an entry whose key reaches into the next one', [0x3a, 0x03, 0x0a, 0x05, 0x61, 0x3a, 0x00]],
  ])('is refused as malformed by whoever looks at its fields or tags: %s', (_, bytes) => {
    for (const access of thorough) {
      expect(outcome(() => access(lazyPoint(Buffer.from(bytes))))).toBe('malformed');
    }
  });

  it('is refused as malformed, and overflows no stack, when it nests groups a hundred thousand deep', () => {
    const deep = Buffer.alloc(200_000, tag(13, wireType.groupStart));
    expect(outcome(() => lazyPoint(deep).time)).toBe('malformed');
    expect(outcome(() => decodeRequest(bytesField(17, deep)))).toBe('malformed');
  });

  it("names what it should have been, and keeps the decoder's own error as the cause", () => {
    const read = () => lazyPoint(Buffer.of(0x12, 0x05)).name;
    expect(read).toThrow(/^these bytes are not a Point message \(.+\)$/);
    expect(read).toThrow(expect.objectContaining({ code: 'malformed', cause: expect.any(Error) as Error }));
  });
});

describe('a frame', { timeout: propertyTimeout }, () => {
  it('is a lazy point only if it holds one Point message and nothing else', () => {
    const point = Buffer.of(0x08, 0x01);
    const of = (payload: Uint8Array) => {
      const buf = Buffer.concat([Buffer.from(delimited(payload)), Buffer.of(0x08, 0x01, 0x08)]);
      return LazyPoint.fromFrame(buf, 0, 1, 1 + payload.length);
    };
    expect(of(bytesField(17, point))?.time).toBe(1n);
    expect(of(bytesField(16, point))).toBeUndefined();
    expect(of(Buffer.concat([bytesField(17, point), bytesField(99, 'x')]))).toBeUndefined();
    expect(of(Buffer.concat([tag(17, 2), varint(4), point]))).toBeUndefined(); // goes on in the next frame
    expect(of(tag(17, 2))).toBeUndefined();
    expect(of(Buffer.of(0x8a))).toBeUndefined();
    expect(of(Buffer.alloc(0))).toBeUndefined();
  });

  it('is decoded or refused as malformed, whatever bytes it has', () => {
    const payload = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc
        .tuple(fc.constantFrom(1, 2, 3, 4, 5, 6, 16, 17, 18), fc.uint8Array({ maxLength: 40 }))
        .map(([number, bytes]) => bytesField(number, bytes)),
      damagedPointArbitrary.map((body) => bytesField(17, body)),
    );
    fc.assert(
      fc.property(payload, (bytes) => {
        for (const decode of [decodeRequest, decodeResponse]) {
          const decoded = outcome(() => decode(bytes));
          if (typeof decoded === 'string') assert.equal(decoded, 'malformed');
        }
      }),
      runs(500),
    );
  });

  it('holds a point that the slow way reads as the lazy way does', () => {
    fc.assert(
      fc.property(pointArbitrary, (body) => {
        const { buf, payload } = pointFrame(body);
        const request = decodeRequest(buf.subarray(payload));
        assert(request.kind === 'point');
        assert.deepEqual(readAll(lazyPoint(body)), expected(request));
      }),
      runs(200),
    );
  });
});
