import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SharedRing } from '../../src/transport/shared-ring.js';

/** Both sides of a ring, in one thread; `wakes` counts the wake-ups of each. */
function ringPair(capacity: number): {
  writer: SharedRing;
  reader: SharedRing;
  wakes: { reader: number; writer: number };
} {
  const wakes = { reader: 0, writer: 0 };
  const writer = new SharedRing(capacity, () => wakes.reader++);
  const reader = new SharedRing(writer.memory, () => wakes.writer++);
  return { writer, reader, wakes };
}

/** Bytes that begin at any address. */
const pieces = fc.tuple(fc.nat(9), fc.uint8Array({ minLength: 1, maxLength: 700 })).map(([offset, bytes]) => {
  const memory = Buffer.alloc(offset + bytes.length);
  memory.set(bytes, offset);
  return memory.subarray(offset);
});

describe('a ring in shared memory', () => {
  test('gives all bytes in order, however they are written and read', () => {
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 60 }), fc.infiniteStream(fc.nat(4)), (given, reads) => {
        const { writer, reader } = ringPair(512);
        const read: Buffer[] = [];
        const take = (): void => {
          const chunk = reader.read();
          if (chunk) read.push(chunk);
        };
        for (const piece of given) {
          for (let at = 0; at < piece.length;) {
            const count = writer.write(piece, at, piece.length);
            at += count;
            for (let times = Math.max(reads.next().value as number, count === 0 ? 1 : 0); times > 0; times--)
              take();
          }
        }
        while (!reader.isEmpty) take();
        expect(Buffer.concat(read).equals(Buffer.concat(given))).toBe(true);
      }),
    );
  });

  test('goes on beyond the wrap of its counters', () => {
    const { memory } = ringPair(64).writer;
    const head = new Int32Array(memory, 0, 2);
    head.fill(-64); // as after 2^32 - 64 bytes
    const writer = new SharedRing(memory, () => undefined);
    const reader = new SharedRing(memory, () => undefined);
    const bytes = Buffer.from('ring');
    for (let round = 0; round < 20; round++) {
      expect(writer.write(bytes, 0, bytes.length)).toBe(bytes.length);
      expect(reader.read()).toEqual(bytes);
    }
    expect(head[0]).toBeGreaterThan(0);
  });

  test('takes a part of what does not fit, and wakes the writer once there is room', () => {
    const { writer, reader, wakes } = ringPair(256);
    const bytes = Buffer.alloc(1000, 7);
    const count = writer.write(bytes, 0, bytes.length);
    expect(count).toBeGreaterThan(200);
    expect(count).toBeLessThan(256);
    expect(writer.write(bytes, count, bytes.length)).toBe(0);
    expect(wakes.writer).toBe(0);
    expect(reader.read()).toHaveLength(count);
    expect(wakes.writer).toBe(1);
    expect(writer.write(bytes, count, bytes.length)).toBeGreaterThan(0);
  });

  test('wakes a reader that has found it empty, and only then', () => {
    const { writer, reader, wakes } = ringPair(256);
    const byte = Buffer.from([1]);
    writer.write(byte, 0, 1);
    expect(wakes.reader).toBe(0);
    reader.read();
    expect(reader.read()).toBeUndefined();
    writer.write(byte, 0, 1);
    writer.write(byte, 0, 1);
    expect(wakes.reader).toBe(1);
  });

  test('lends its memory until that is released', () => {
    const { writer, reader, wakes } = ringPair(256);
    writer.write(Buffer.alloc(100, 1), 0, 100);
    const first = reader.readInPlace()!;
    const firstEnd = reader.readPosition;
    writer.write(Buffer.alloc(120, 2), 0, 120);
    const second = reader.readInPlace()!;
    expect(reader.isEmpty).toBe(true);
    expect(writer.write(Buffer.alloc(100, 3), 0, 100)).toBe(0);
    expect(first).toEqual(Buffer.alloc(100, 1));
    reader.release(firstEnd);
    expect(wakes.writer).toBe(1);
    expect(writer.write(Buffer.alloc(60, 3), 0, 60)).toBe(60);
    expect(second).toEqual(Buffer.alloc(120, 2));
    expect(reader.read()).toEqual(Buffer.alloc(60, 3));
  });

  test('what is read stays as it is while the ring is written on', () => {
    const { writer, reader } = ringPair(64);
    writer.write(Buffer.from('first'), 0, 5);
    const chunk = reader.read()!;
    for (let round = 0; round < 10; round++) {
      writer.write(Buffer.from('other'), 0, 5);
      reader.read();
    }
    expect(chunk.toString()).toBe('first');
  });
});
