import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Cell, CsvRecords } from '../../src/recording/csv-records.js';
import { pieces } from '../support/frames.js';

/** What is found in a text that comes in pieces: each record, or what is wrong with it, and its line. */
function found(text: string, sizes: readonly number[] = []) {
  const records = new CsvRecords();
  const results: { line: number; cells?: readonly Cell[]; problem?: string }[] = [];
  const take = (): void => {
    while (records.next()) {
      const { line, cells, problem } = records;
      results.push(problem ? { line, problem: problem.message } : { line, cells });
    }
  };
  for (const piece of pieces(Buffer.from(text), sizes)) {
    records.add(piece);
    take();
  }
  records.finish();
  take();
  return results;
}

const cell: fc.Arbitrary<Cell> = fc.oneof(
  fc.constant(null),
  fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', ' ', 'ß', '🙂'), maxLength: 6 }),
);

/** Quoted only where it must be, or everywhere. */
function written(value: Cell, always: boolean): string {
  if (value === null) return '';
  return always || value === '' || /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

describe('records of CSV', () => {
  test('are found as they were written, however the bytes come', () => {
    const record = fc.array(cell, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(
        fc.array(record, { maxLength: 6 }),
        fc.boolean(),
        fc.constantFrom('\n', '\r\n'),
        fc.boolean(),
        fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 20 }),
        (given, always, delimiter, ends, sizes) => {
          const lines = given.map((cells) => cells.map((value) => written(value, always)).join(','));
          const last = given.at(-1);
          // An empty record at the end without a newline is none.
          const closed = ends || (last?.length === 1 && last[0] === null);
          const text = lines.join(delimiter) + (closed && lines.length > 0 ? delimiter : '');
          const results = found(text, sizes);
          expect(results.map(({ cells }) => cells)).toEqual(given);
          let line = 1;
          for (const [index, result] of results.entries()) {
            expect(result.line).toBe(line);
            line += lines[index]!.split('\n').length;
          }
        },
      ),
    );
  });

  test.each([
    ['a quote that nothing closes', 'a,"b\nc,d\n', 'a quote is not closed'],
    ['text behind a quote', '"a"b,c\nc,d\n', 'a comma should follow the quote that closes, not "b"'],
    ['a quote inside a cell', 'a"b"\nc,d\n', 'there is a quote inside a cell that does not begin with one'],
  ])('with %s cost their first line only', (_what, text, problem) => {
    expect(found(text)).toEqual([
      { line: 1, problem },
      { line: 2, cells: ['c', 'd'] },
    ]);
  });

  test('that are too long are passed over, in memory that does not grow with them', () => {
    const records = new CsvRecords();
    const chunk = Buffer.alloc(1024 * 1024, 'x');
    const results: unknown[] = [];
    const add = (bytes: Buffer): void => {
      records.add(bytes);
      while (records.next()) results.push([records.line, records.problem?.message ?? records.cells]);
    };
    add(Buffer.from('a,b\n'));
    for (let count = 0; count < 40; count++) add(chunk);
    add(Buffer.from('\nc,d\n'));
    expect(results).toEqual([
      [1, ['a', 'b']],
      [2, 'the record has more than 16777216 characters'],
      [3, ['c', 'd']],
    ]);
  });
});
