import { Writable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createOutput, formatTime } from '../../src/replay/output.js';
import { createPoint } from '../../src/udf/create.js';
import type { RecordedItem } from '../../src/recording/format.js';

describe('a time for people', () => {
  test.each([
    [0n, '1970-01-01 00:00:00'],
    [1514979051065000000n, '2018-01-03 11:30:51.065'],
    [1514979051065000010n, '2018-01-03 11:30:51.065000010'],
    [1514979051000010000n, '2018-01-03 11:30:51.000010'],
    [-1n, '1969-12-31 23:59:59.999999999'],
  ])('%s is %s', (time, text) => {
    expect(formatTime(time)).toBe(text);
  });

  test('is exact for every int64', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (time) => {
        const [, seconds, fraction = ''] = /^(.{19})(?:\.(\d+))?$/.exec(formatTime(time))!;
        const whole = BigInt(Date.parse(`${seconds!.replace(' ', 'T')}Z`)) * 1_000_000n;
        expect(whole + BigInt(fraction.padEnd(9, '0'))).toBe(time);
      }),
    );
  });
});

async function tableOf(points: Parameters<typeof createPoint>[0][]): Promise<string[]> {
  let text = '';
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  const output = createOutput(stream, 'table');
  for (const point of points) void output.write(createPoint(point) as RecordedItem);
  await output.end();
  return text.trimEnd().split('\n');
}

describe('a table', () => {
  test('is at most 80 columns wide, and loses no character of what it breaks', async () => {
    const word = fc.stringMatching(/^[a-z]{1,60}$/);
    const point = fc.record({
      name: word,
      tags: fc.dictionary(word, word, { maxKeys: 4 }),
      fields: fc.dictionary(word, fc.double({ noNaN: true }), { minKeys: 1, maxKeys: 4 }),
      time: fc.bigInt({ min: 0n, max: 2n ** 62n }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(point, { minLength: 1, maxLength: 3 }), async (points) => {
        const lines = await tableOf(points);
        for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
        const names = lines
          .slice(3)
          .map((line) => line.split('│')[2]?.trim() ?? '')
          .join('');
        expect(names).toBe(points.map(({ name }) => name).join(''));
      }),
      { numRuns: 40 },
    );
  });

  test('shows the first 1,000 points and counts the others', async () => {
    const points = Array.from({ length: 1_234 }, (_, index) => ({
      name: 'm',
      fields: { v: index },
      time: BigInt(index),
    }));
    expect((await tableOf(points)).at(-1)).toBe('… and 234 more');
  });
});
