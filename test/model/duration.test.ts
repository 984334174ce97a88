import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { durationLiteral, formatDuration, parseDuration } from '../../src/model/duration.js';
import { int64Arbitrary } from '../support/generators.js';
import { runs } from '../support/runs.js';

const second = 1_000_000_000n;

describe('a duration', () => {
  it.each([
    ['1ns', 1n],
    ['1u', 1_000n],
    ['1µ', 1_000n],
    ['1ms', 1_000_000n],
    ['1s', second],
    ['1m', 60n * second],
    ['1h', 3_600n * second],
    ['1d', 86_400n * second],
    ['1w', 604_800n * second],
    ['1m30s', 90n * second],
    ['1h1ms', 3_600n * second + 1_000_000n],
    ['30s1m', 90n * second],
    ['0s', 0n],
    ['007s', 7n * second],
    ['-1m30s', -90n * second],
    ['-0s', 0n],
    ['9223372036854775807ns', 2n ** 63n - 1n],
  ])('written %s is %d nanoseconds', (text, nanoseconds) => {
    expect(parseDuration(text)).toBe(nanoseconds);
  });

  it.each([
    '',
    ' ',
    '10',
    's',
    '1.5s',
    '1s ',
    ' 1s',
    '1 s',
    '1S',
    '1min',
    '+1s',
    '--1s',
    '1s-1s',
    '-',
    '1e3s',
    '١s',
    '1s\n',
  ])('is not written %j', (text) => {
    expect(() => parseDuration(text)).toThrow(
      expect.objectContaining({
        code: 'invalid_argument',
        message: `"${text}" is not a duration; write it as 30s, 1m30s or 500ms, in the units w, d, h, m, s, ms, u, ns`,
      }),
    );
  });

  it('is refused in no time, however long the text is', () => {
    for (const text of ['1'.repeat(100_000), '1m'.repeat(50_000) + 'x'])
      expect(() => parseDuration(text)).toThrow();
  });

  it.each([
    [0n, '0s', '0s'],
    [1n, '1ns', '1ns'],
    [90n * second, '1m30s', '90s'],
    [-90n * second, '-1m30s', '-90s'],
    [86_400n * second, '1d', '1d'],
    [1_500_000n, '1ms500u', '1500u'],
    [810n * second + 1n, '13m30s1ns', '810000000001ns'],
  ])('of %d nanoseconds is written %s for people and %s for a TICKscript', (nanoseconds, text, literal) => {
    expect(formatDuration(nanoseconds)).toBe(text);
    expect(durationLiteral(nanoseconds)).toBe(literal);
  });

  it('is read back from what is written, whatever it is', () => {
    fc.assert(
      fc.property(int64Arbitrary, (nanoseconds) => {
        expect(parseDuration(formatDuration(nanoseconds))).toBe(nanoseconds);
        expect(parseDuration(durationLiteral(nanoseconds))).toBe(nanoseconds);
        expect(durationLiteral(nanoseconds)).toMatch(/^-?\d+[a-z]+$/);
      }),
      runs(300),
    );
  });
});
