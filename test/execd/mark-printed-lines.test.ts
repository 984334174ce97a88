import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { markPrintedLines } from '../../src/execd/mark-printed-lines.js';

/** What comes out if a text is written in these pieces. */
function printed(pieces: readonly (string | Uint8Array)[]): string {
  const stream = new PassThrough();
  const restore = markPrintedLines(stream, 'I! ');
  for (const piece of pieces) stream.write(piece);
  restore();
  return String(stream.read() ?? '');
}

test('each line is marked once, empty ones are not', () => {
  expect(printed(['one\n\ntwo\n'])).toBe('I! one\n\nI! two\n');
  expect(printed(['one', ' and more', '\ntwo'])).toBe('I! one and more\nI! two');
});

test('strings have the encoding that is given', () => {
  const stream = new PassThrough();
  markPrintedLines(stream, 'I! ');
  stream.write('6f6e65', 'hex');
  expect(String(stream.read())).toBe('I! one');
});

test('callbacks are called', async () => {
  const stream = new PassThrough();
  markPrintedLines(stream, 'I! ');
  await new Promise<void>((resolve) => {
    stream.write('one\n', () => {
      resolve();
    });
  });
});

test('pieces of a text, cut inside characters too, give what the whole text gives', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'ü', '€', '🙂', '\n') });
  fc.assert(
    fc.property(text, fc.array(fc.nat(40)), (whole, cuts) => {
      const bytes = Buffer.from(whole);
      const ends = [
        ...cuts.filter((cut) => cut < bytes.length).sort((one, other) => one - other),
        bytes.length,
      ];
      const pieces = ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
      expect(printed(pieces)).toBe(whole.replace(/^(?=.)/gm, 'I! '));
    }),
  );
});
