import { describe, expect, test } from 'vitest';
import { type LineKind, LineSplitter } from '../../src/recording/line-splitter.js';
import { pieces } from '../support/frames.js';

/** The lines of a text that comes in pieces of one size: each with its number, or what is wrong with it. */
function found(text: string, kind: LineKind, size: number, longest = 10): unknown[] {
  const splitter = new LineSplitter(longest);
  const lines: unknown[] = [];
  const take = (): void => {
    while (splitter.next(kind)) {
      const { line, problem, buf, start, end } = splitter;
      lines.push([line, problem?.message ?? buf.toString('utf8', start, end)]);
    }
  };
  const bytes = Buffer.from(text);
  for (const piece of pieces(bytes, Array<number>(Math.floor(bytes.length / size)).fill(size))) {
    splitter.add(piece);
    take();
  }
  splitter.finish();
  take();
  return lines;
}

describe.each([1, 2, 7, 100])('lines in pieces of %i bytes', (size) => {
  test('have their numbers', () => {
    expect(found('one\n\nthree\nfour', 'plain', size)).toEqual([
      [1, 'one'],
      [2, ''],
      [3, 'three'],
      [4, 'four'],
    ]);
  });

  test('that are too long are one mistake each, and those behind them keep their numbers', () => {
    const long = 'x'.repeat(35);
    expect(found(`one\n${long}\nthree\n${long}\n${long}`, 'plain', size)).toEqual([
      [1, 'one'],
      [2, 'it has more than 10 bytes'],
      [3, 'three'],
      [4, 'it has more than 10 bytes'],
      [5, 'it has more than 10 bytes'],
    ]);
  });

  test('may hold newlines inside quotes', () => {
    expect(found('m v="a\nb"\nn v=1', 'quoted', size, 100)).toEqual([
      [1, 'm v="a\nb"'],
      [3, 'n v=1'],
    ]);
  });
});

test('a quote that nothing closes costs its line only', () => {
  expect(found(`m v="a\nn v=1\n${'o v=1\n'.repeat(20)}`, 'quoted', 100, 50).slice(0, 3)).toEqual([
    [1, 'm v="a'],
    [2, 'n v=1'],
    [3, 'o v=1'],
  ]);
});
