import fc from 'fast-check';
import { expect, test } from 'vitest';
import { copy } from '../../src/wire/words.js';

test('copies just the bytes that it is told to, whatever their number and place', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      fc.nat(300),
      fc.nat(300),
      fc.nat(20),
      (bytes, one, other, at) => {
        const from = Buffer.from(bytes);
        const [start, end] = [one, other]
          .map((index) => Math.min(index, from.length))
          .sort((a, b) => a - b) as [number, number];
        const to = Buffer.alloc(400, 0xee);
        expect(copy(to, at, from, start, end)).toBe(at + end - start);
        const expected = Buffer.alloc(400, 0xee);
        expected.set(from.subarray(start, end), at);
        expect(to).toEqual(expected);
      },
    ),
  );
});
