import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UdfError } from '../../src/model/errors.js';
import { lengthSize, prependLength, writeLength } from '../../src/wire/framing.js';
import { FrameReader } from '../../src/wire/frame-reader.js';
import { payloads, pieces } from '../support/frames.js';
import { heldBytes } from '../support/held-bytes.js';
import { propertyTimeout, runs } from '../support/runs.js';
import { delimited, varint } from '../support/wire-bytes.js';

const ignore = (): void => undefined;
const frames = (...texts: readonly (string | Buffer)[]): Buffer =>
  Buffer.concat(texts.map((text) => prependLength(Buffer.from(text))));

describe('a frame reader', { timeout: propertyTimeout }, () => {
  const texts = ['', 'a', 'x'.repeat(127), '', 'y'.repeat(128), 'z'.repeat(300), 'end'];
  const stream = frames(...texts);

  it('hands out the same frames wherever the stream is cut in two', () => {
    for (let cut = 0; cut <= stream.length; cut++) {
      expect(payloads(pieces(stream, [cut])).map(String)).toEqual(texts);
    }
  });

  it('hands out the same frames when the bytes come one by one', () => {
    expect(payloads(pieces(stream, Array<number>(stream.length).fill(1))).map(String)).toEqual(texts);
  });

  it('hands out the same frames in any pieces, empty ones too', () => {
    const payload = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.constantFrom(Buffer.alloc(16_384, 7), Buffer.alloc(0)),
    );
    const sizes = fc.array(fc.oneof(fc.nat(4), fc.nat(400)));
    fc.assert(
      fc.property(fc.array(payload, { maxLength: 8 }), sizes, (all, cuts) => {
        const bytes = Buffer.concat(all.map((one) => prependLength(one)));
        assert.deepEqual(
          payloads(pieces(bytes, cuts)),
          all.map((one) => Buffer.from(one)),
        );
      }),
      runs(300),
    );
  });

  it('takes a length that is padded to five bytes, whole or cut', () => {
    const bytes = Buffer.concat([
      delimited(Buffer.from('abc'), 5),
      delimited(Buffer.alloc(0), 5),
      frames('next'),
    ]);
    for (let cut = 0; cut <= bytes.length; cut++) {
      expect(payloads(pieces(bytes, [cut])).map(String)).toEqual(['abc', '', 'next']);
    }
  });

  it('hands out a frame that lies within a chunk where it is, its length prefix included', () => {
    const chunk = Buffer.concat([frames('first'), frames('second'), frames('cut').subarray(0, 2)]);
    const seen: unknown[] = [];
    new FrameReader(100, (buf, frame, payload, end) => {
      seen.push([buf === chunk, frame, payload, end]);
    }).push(chunk);
    expect(seen).toEqual([
      [true, 0, 1, 6],
      [true, 6, 7, 13],
    ]);
  });

  it('keeps no chunk that it has read for the sake of the few bytes that are left of it', () => {
    const chunk = Buffer.concat([frames('x'.repeat(1000)), frames('cut').subarray(0, 2)]);
    const found: string[] = [];
    const reader = new FrameReader(2000, (buf, _frame, payload, end) =>
      found.push(buf.toString('utf8', payload, end)),
    );
    reader.push(chunk);
    chunk.fill(0);
    reader.push(frames('cut').subarray(2));
    expect(found.at(-1)).toBe('cut');
  });

  it('says whether the stream stands in the middle of a frame', () => {
    const reader = new FrameReader(100, ignore);
    const states: boolean[] = [];
    for (const byte of frames('ab', '')) {
      reader.push(Buffer.of(byte));
      states.push(reader.midFrame);
    }
    expect(states).toEqual([true, true, false, false]);
  });

  it('hands out no further frame once it is stopped, not even one of the chunk that is being read', () => {
    for (const first of [frames('a', 'b', 'c'), frames('a').subarray(0, 1)]) {
      const seen: string[] = [];
      const reader = new FrameReader(100, (buf, _frame, payload, end) => {
        seen.push(buf.toString('utf8', payload, end));
        reader.stop();
      });
      reader.push(first);
      if (seen.length === 0) reader.push(Buffer.concat([frames('a').subarray(1), frames('b')]));
      reader.push(frames('d'));
      expect(seen).toEqual(['a']);
      expect(reader.midFrame).toBe(false);
    }
  });

  describe('refuses', () => {
    const refusal = (limit: number, chunks: readonly Buffer[]): UdfError | undefined => {
      try {
        payloads(chunks, limit);
      } catch (error) {
        if (error instanceof UdfError) return error;
        throw error;
      }
      return undefined;
    };

    it('a message above the limit by its length alone, and takes one of exactly the limit', () => {
      expect(payloads([frames('x'.repeat(200))], 200)).toHaveLength(1);
      const prefix = varint(201);
      for (const chunks of [[prefix], [prefix.subarray(0, 1), prefix.subarray(1)]]) {
        expect(refusal(200, chunks)).toMatchObject({
          code: 'limit',
          message: 'a message of 201 bytes is above the limit of 200 (messageBytes)',
        });
      }
    });

    it.each([2 ** 31, 2 ** 32, 2 ** 35 - 1])('a message of %d bytes as what it is', (size) => {
      expect(refusal(1000, [varint(size)])?.message).toContain(`a message of ${size} bytes`);
    });

    it('a length of more than five bytes, however it is cut, as soon as the fifth has come', () => {
      const overlong = Buffer.of(0x80, 0x80, 0x80, 0x80, 0x80, 0x00);
      for (let cut = 0; cut <= overlong.length; cut++) {
        expect(refusal(1000, pieces(overlong, [cut]))).toMatchObject({
          code: 'malformed',
          message: "a message's length takes more than 5 bytes",
        });
      }
      expect(refusal(1000, [overlong.subarray(0, 4)])).toBeUndefined();
      expect(refusal(1000, [overlong.subarray(0, 5)])?.code).toBe('malformed');
    });

    it('whatever is no stream of frames with a UdfError, and nothing else', () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 100 }), fc.array(fc.nat(10)), (bytes, cuts) => {
          const error = refusal(64, pieces(Buffer.from(bytes), cuts));
          if (error) assert(['limit', 'malformed'].includes(error.code));
        }),
        runs(300),
      );
    });
  });

  it('takes no more memory than about twice the bytes that came, whatever length is announced', () => {
    const announced = 2 ** 30;
    const before = heldBytes();
    const readers = Array.from({ length: 50 }, () => new FrameReader(announced, ignore));
    for (const reader of readers) {
      reader.push(varint(announced));
      reader.push(Buffer.alloc(1000));
    }
    expect(heldBytes() - before).toBeLessThan(50 * 8000);
    expect(readers.every((reader) => reader.midFrame)).toBe(true);
  });
});

describe('a frame header', () => {
  it('takes as many bytes as it says, in the form of a varint', () => {
    for (const length of [
      0,
      1,
      127,
      128,
      16_383,
      16_384,
      2_097_151,
      2_097_152,
      2 ** 28 - 1,
      2 ** 28,
      2 ** 32,
      2 ** 35 - 1,
    ]) {
      const bytes = Buffer.alloc(8);
      const end = writeLength(bytes, 0, length);
      expect(end).toBe(lengthSize(length));
      expect(bytes.subarray(0, end)).toEqual(varint(length));
    }
  });
});
