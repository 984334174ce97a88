import assert from 'node:assert/strict';
import fc from 'fast-check';
import Long from 'long';
import { describe, expect, it } from 'vitest';
import { UdfError } from '../../src/model/errors.js';
import { bigintOf, int64Of, isLongLike, longOf } from '../../src/wire/int64.js';
import { readDouble, readInt64, writeDouble, writeInt64 } from '../../src/wire/numbers.js';
import { nameBytes, readText, writeText } from '../../src/wire/text.js';
import { doubleArbitrary, int64Arbitrary, textArbitrary } from '../support/generators.js';
import { propertyTimeout, runs } from '../support/runs.js';
import { varint } from '../support/wire-bytes.js';

describe('an int64', { timeout: propertyTimeout }, () => {
  it('is written as the shortest varint and read back exactly, padded ones too', () => {
    fc.assert(
      fc.property(int64Arbitrary, fc.integer({ min: 1, max: 10 }), (value, padded) => {
        const bytes = Buffer.alloc(12, 0xff);
        const end = writeInt64(bytes, 1, value);
        assert.deepEqual(bytes.subarray(1, end), varint(value));
        assert.equal(readInt64(bytes, 1), value);
        assert.equal(readInt64(varint(value, padded), 0), value);
      }),
      runs(500),
    );
  });

  it('of every bit alone, and of all bits up to it, is read back', () => {
    for (let bit = 0n; bit < 64n; bit++) {
      for (const bits of [1n << bit, (1n << bit) - 1n, ~(1n << bit)]) {
        const value = BigInt.asIntN(64, bits);
        const bytes = Buffer.alloc(10);
        writeInt64(bytes, 0, value);
        expect(readInt64(bytes, 0)).toBe(value);
      }
    }
  });

  it('goes to the long package and back', () => {
    fc.assert(
      fc.property(int64Arbitrary, (value) => {
        assert.equal(bigintOf(longOf(value)), value);
        assert.equal(int64Of(longOf(value), 'it'), value);
        assert.equal(int64Of(value, 'it'), value);
      }),
      runs(100),
    );
    expect(bigintOf(7)).toBe(7n);
  });

  it('may be an unsigned Long as long as it fits', () => {
    expect(int64Of(Long.fromNumber(7, true), 'it')).toBe(7n);
    expect(() => int64Of(Long.MAX_UNSIGNED_VALUE, 'it')).toThrow(
      'it does not fit an int64: 18446744073709551615',
    );
  });

  it('is nothing else: no number, no text, no object without both halves', () => {
    for (const value of [5, '5', null, undefined, {}, { low: 1 }, { high: 1, low: '1' }]) {
      expect(isLongLike(value)).toBe(false);
      expect(() => int64Of(value as never, 'it')).toThrow(
        expect.objectContaining({ code: 'invalid_argument' }),
      );
    }
  });
});

describe('a double', () => {
  it('is written as it is and read back exactly', () => {
    fc.assert(
      fc.property(doubleArbitrary, (value) => {
        const bytes = Buffer.alloc(10);
        assert.equal(writeDouble(bytes, 1, value), 9);
        assert(Object.is(readDouble(bytes, 1), value));
        assert(Object.is(bytes.readDoubleLE(1), value));
      }),
      runs(200),
    );
  });
});

describe('text', { timeout: propertyTimeout }, () => {
  it('is written as UTF-8 and read back, whatever was read before', () => {
    fc.assert(
      fc.property(fc.array(textArbitrary), (texts) => {
        for (const text of [...texts, ...texts]) {
          const utf8 = Buffer.from(text);
          const bytes = Buffer.alloc(3 * text.length + 2);
          const end = writeText(bytes, 1, text);
          assert.deepEqual(bytes.subarray(1, end), utf8);
          assert.equal(readText(bytes, 1, end), text);
          assert.deepEqual(Buffer.from(nameBytes(text)), utf8);
        }
      }),
      runs(300),
    );
  });

  it('as a name must be a string, each time that it is asked for', () => {
    expect(Buffer.from(nameBytes('secret')).toString()).toBe('secret');
    for (let time = 0; time < 3; time++) expect(() => nameBytes(undefined as never)).toThrow(UdfError);
    expect(Buffer.from(nameBytes('secret')).toString()).toBe('secret');
  });

  it('is told apart from every other of its length, however many there are', () => {
    for (let number = 0; number < 20_000; number++) {
      const text = `host${number}`;
      expect(readText(Buffer.from(text), 0, text.length)).toBe(text);
    }
  });

  it('of any bytes is what Node makes of them as UTF-8, the second time too', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const buf = Buffer.from(bytes);
        for (let time = 0; time < 2; time++) assert.equal(readText(buf, 0, buf.length), buf.toString('utf8'));
      }),
      runs(500),
    );
  });
});
