import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LazyPoint } from '../../../src/wire/point/lazy-point.js';
import { nameArbitrary, oddPointArbitrary, plainPointArbitrary } from '../../support/generators.js';
import { bodyOf, expected, frameOf, lazyPoint, readAll } from '../../support/lazy-points.js';
import { oraclePoint } from '../../support/oracle.js';
import { propertyTimeout, runs } from '../../support/runs.js';
import { bytesField, double, entry, pointFrame, tag, varintField } from '../../support/wire-bytes.js';

const own = (record: object, name: string): unknown => Object.getOwnPropertyDescriptor(record, name)?.value;

/** A map entry's value. */
const value = {
  double: (number: number) => Buffer.concat([tag(2, 1), double(number)]),
  varint: (number: bigint | number) => varintField(2, number),
  text: (text: string | Uint8Array) => bytesField(2, text),
};

/** A point with these fields of its message, one behind the other. */
const point = (...fields: readonly Uint8Array[]): LazyPoint => lazyPoint(Buffer.concat(fields));

describe('a lazy point', { timeout: propertyTimeout }, () => {
  it.each([
    ['in the order that Kapacitor writes', plainPointArbitrary],
    ['in any form that protobuf allows', oddPointArbitrary],
  ])('tells what protobufjs tells of bytes %s', (_, arbitrary) => {
    fc.assert(
      fc.property(arbitrary, fc.array(nameArbitrary, { maxLength: 3 }), (body, names) => {
        const message = expected(oraclePoint(body));
        const subject = lazyPoint(body);
        assert.deepEqual(readAll(subject), message);
        for (const name of [...names, ...Object.keys(message.fields), ...Object.keys(message.tags)]) {
          const value = own(message.fields, name);
          assert.deepEqual(subject.field(name), value);
          const isNumeric = typeof value === 'number' || typeof value === 'bigint';
          assert.deepEqual(subject.number(name), isNumeric ? Number(value) : undefined);
          assert.deepEqual(subject.tag(name), own(message.tags, name));
        }
      }),
      runs(1000),
    );
  });

  it('views bytes in the order that Kapacitor writes where they are, and is sent as those very bytes', () => {
    fc.assert(
      fc.property(plainPointArbitrary, (body) => {
        const subject = lazyPoint(body);
        const { buffer, byteOffset, length } = frameOf(subject);
        readAll(subject);
        assert.equal(frameOf(subject).buffer, buffer);
        assert.deepEqual([frameOf(subject).byteOffset, frameOf(subject).length], [byteOffset, length]);
        assert.deepEqual(frameOf(subject), pointFrameOf(body));
      }),
      runs(300),
    );
  });

  it('is sent as its own bytes, however odd, when nobody looks into it', () => {
    fc.assert(
      fc.property(oddPointArbitrary, (body) => {
        assert.deepEqual(frameOf(lazyPoint(body)), pointFrameOf(body));
      }),
      runs(100),
    );
  });

  it('says the same in the frame that it is sent as after somebody looked into odd bytes', () => {
    fc.assert(
      fc.property(oddPointArbitrary, (body) => {
        const subject = lazyPoint(body);
        readAll(subject);
        assert.deepEqual(oraclePoint(bodyOf(subject)), oraclePoint(body));
        assert.deepEqual(frameOf(subject), pointFrameOf(bodyOf(subject)));
      }),
      runs(300),
    );
  });

  it('tells the same when other points are read in between', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(plainPointArbitrary, oddPointArbitrary), { minLength: 2 }), (bodies) => {
        const points = bodies.map(lazyPoint);
        const names = points.map((subject) => subject.name);
        const times = points.map((subject) => subject.time);
        const fields = points.map((subject) => subject.fields);
        const messages = bodies.map(oraclePoint);
        assert.deepEqual(
          names,
          messages.map(({ name }) => name),
        );
        assert.deepEqual(
          times,
          messages.map(({ time }) => time),
        );
        assert.deepEqual(
          fields,
          messages.map((message) => expected(message).fields),
        );
      }),
      runs(100),
    );
  });

  it('owns its bytes when it is detached, and tells the same', () => {
    fc.assert(
      fc.property(fc.oneof(plainPointArbitrary, oddPointArbitrary), fc.boolean(), (body, looked) => {
        const subject = lazyPoint(body);
        if (looked) readAll(subject);
        const { length } = frameOf(subject);
        const detached = subject.detach();
        frameOf(subject).fill(0xff);
        assert.equal(frameOf(detached).buffer.byteLength, length);
        assert.deepEqual(readAll(detached), expected(oraclePoint(body)));
      }),
      runs(200),
    );
  });

  it('takes bool over double, double over int, and int over string, when a field is in several maps', () => {
    const bool = entry(12, 'a', value.varint(1));
    const string = entry(10, 'a', value.text('text'));
    const int = entry(9, 'a', value.varint(7));
    const number = entry(8, 'a', value.double(1.5));
    for (const [winner, fields] of [
      [true, [bool, number, int, string]],
      [1.5, [string, number, int]],
      [7n, [string, int]],
      ['text', [string]],
    ] as const) {
      for (const order of [fields, [...fields].reverse()]) {
        expect(point(...order).field('a')).toBe(winner);
        expect(point(...order).fields).toEqual({ a: winner });
      }
    }
  });

  it('takes the last of several values that one map has for a field', () => {
    const subject = point(
      entry(9, 'a', value.varint(1)),
      entry(9, 'b', value.varint(2)),
      entry(9, 'a', value.varint(3)),
    );
    expect(subject.field('a')).toBe(3n);
    expect(subject.fields).toEqual({ a: 3n, b: 2n });
  });

  it('reads entries with key and value swapped, missing, or repeated', () => {
    const key = bytesField(1, 'a');
    expect(point(bytesField(9, Buffer.concat([value.varint(5), key]))).fields).toEqual({ a: 5n });
    expect(point(bytesField(9, value.varint(5))).fields).toEqual({ '': 5n });
    expect(point(bytesField(8, key)).fields).toEqual({ a: 0 });
    expect(point(bytesField(10, key)).fields).toEqual({ a: '' });
    expect(point(bytesField(12, '')).fields).toEqual({ '': false });
    expect(point(bytesField(7, Buffer.concat([key, value.text('x'), value.text('y')]))).tags).toEqual({
      a: 'y',
    });
  });

  it('takes the last of several values of a field that has one', () => {
    const subject = point(varintField(1, 1), bytesField(2, 'a'), varintField(1, 2), bytesField(2, 'b'));
    expect([subject.time, subject.name]).toEqual([2n, 'b']);
  });

  it('reads the empty message as a point with nothing in it', () => {
    const nothing = { time: 0n, name: '', database: '', retentionPolicy: '', group: '', byName: false };
    expect(readAll(point())).toEqual({ ...nothing, dimensions: [], tags: {}, fields: {} });
  });

  it('has no field and no tag of a name that only JavaScript knows', () => {
    expect([point().field('toString'), point().tag('__proto__')]).toEqual([undefined, undefined]);
    const subject = point(entry(7, '__proto__', value.text('x')), entry(9, '__proto__', value.varint(1)));
    expect([subject.tag('__proto__'), subject.field('__proto__')]).toEqual(['x', 1n]);
    expect([Object.keys(subject.tags), Object.keys(subject.fields)]).toEqual([['__proto__'], ['__proto__']]);
  });

  it('reads text that is not UTF-8 with U+FFFD in place of what is broken, and sends it on as it came', () => {
    const latin1 = Buffer.from('Münster', 'latin1');
    for (const order of [(fields: Buffer[]) => fields, (fields: Buffer[]) => fields.reverse()]) {
      const body = Buffer.concat(order([bytesField(2, latin1), entry(7, 'city', value.text(latin1))]));
      const subject = lazyPoint(body);
      expect(frameOf(subject)).toEqual(pointFrameOf(body));
      expect([subject.name, subject.tag('city')]).toEqual(['M\ufffdnster', 'M\ufffdnster']);
    }
  });

  it('reads int64 extremes, and doubles that are no numbers, exactly', () => {
    for (const int of [
      2n ** 63n - 1n,
      -(2n ** 63n),
      -1n,
      2n ** 53n + 1n,
      127n,
      128n,
      2n ** 28n,
      2n ** 35n,
      2n ** 49n,
    ]) {
      const subject = point(varintField(1, int), entry(9, 'a', value.varint(int)));
      expect([subject.time, subject.field('a'), subject.number('a')]).toEqual([int, int, Number(int)]);
    }
    for (const number of [NaN, -0, Infinity, -Infinity, Number.MIN_VALUE]) {
      expect(point(entry(8, 'a', value.double(number))).field('a')).toBe(number);
    }
  });
});

/** A Point message as the frame that Kapacitor would send. */
function pointFrameOf(body: Uint8Array): Buffer {
  const { buf } = pointFrame(body);
  return buf;
}
