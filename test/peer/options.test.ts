import { parseOptionChain, parseOptionValue } from '../../src/peer/tickscript-options.js';
import { describe, expect, test } from 'vitest';
import { optionCalls } from '../../src/peer/options.js';

describe('options as a TICKscript writes them', () => {
  test('are read with the types that TICKscript gives them', () => {
    const script = `.a('x').b(1).c(1.5).d(TRUE).e(30s).f().g(-2, .5)
      .h('''it's''').i('it\\'s') // a comment
      .j ( 1m30s )`;
    expect(parseOptionChain(script)).toEqual([
      { name: 'a', args: [{ type: 'string', value: 'x' }] },
      { name: 'b', args: [{ type: 'int', value: 1n }] },
      { name: 'c', args: [{ type: 'double', value: 1.5 }] },
      { name: 'd', args: [{ type: 'bool', value: true }] },
      { name: 'e', args: [{ type: 'duration', value: 30_000_000_000n }] },
      { name: 'f', args: [] },
      {
        name: 'g',
        args: [
          { type: 'int', value: -2n },
          { type: 'double', value: 0.5 },
        ],
      },
      { name: 'h', args: [{ type: 'string', value: "it's" }] },
      { name: 'i', args: [{ type: 'string', value: "it's" }] },
      { name: 'j', args: [{ type: 'duration', value: 90_000_000_000n }] },
    ]);
  });

  test.each([
    ['field(1)', /column 1: expected a call such as \.field\('value'\), found "field\(1\)"/],
    [".field('x'", /column 11: expected , or \), found the end/],
    ['.field(x)', /column 8: expected a value such as 'text', 10, 1\.5, 30s or TRUE, found "x\)"/],
    ['.size(1 2)', /column 9: expected , or \), found "2\)"/],
  ])('%s: where it is wrong is said', (script, message) => {
    expect(() => parseOptionChain(script)).toThrow(message);
  });

  test('a single value is read as well', () => {
    expect(parseOptionValue(' 10 ')).toEqual({ type: 'int', value: 10n });
    expect(() => parseOptionValue('10 20')).toThrow(/column 4: expected the end, found "20"/);
  });
});

describe('options by name', () => {
  test('that the UDF does not have go by what their values are', () => {
    expect(optionCalls({ a: 'x', b: 1, c: 1.5, d: true, e: 2n, f: ['x', 'y'], g: undefined })).toEqual([
      { name: 'a', args: [{ type: 'string', value: 'x' }] },
      { name: 'b', args: [{ type: 'int', value: 1n }] },
      { name: 'c', args: [{ type: 'double', value: 1.5 }] },
      { name: 'd', args: [{ type: 'bool', value: true }] },
      { name: 'e', args: [{ type: 'int', value: 2n }] },
      { name: 'f', args: [{ type: 'string', value: 'x' }] },
      { name: 'f', args: [{ type: 'string', value: 'y' }] },
    ]);
  });

  test.each([
    [{ size: 1.5 }, 'option size takes an int, which 1.5 is not'],
    [{ size: 'x' }, "option size takes an int, which 'x' is not"],
    [{ size: 2n ** 63n }, 'option size does not fit an int64: 9223372036854775808'],
    [
      { span: 'soon' },
      'option span: "soon" is not a duration; write it as 30s, 1m30s or 500ms, in the units w, d, h, m, s, ms, u, ns',
    ],
    [{ other: {} }, 'option other cannot be [object Object]'],
    [
      { size: 'x', span: 1n, siz: 1, other: {} },
      "option size takes an int, which 'x' is not; option other cannot be [object Object]; there is no option siz",
    ],
  ])('%o are refused when a type cannot hold them', (options, message) => {
    expect(() => optionCalls(options, { size: ['int'], span: ['duration'] })).toThrow(message);
  });
});
