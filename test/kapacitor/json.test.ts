import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatJson, parseJson } from '../../src/kapacitor/json.js';

describe('JSON with exact integers', () => {
  it('reads integers beyond 2^53 as bigint, all other numbers as number', () => {
    const text = '{"a":[9007199254740993,-9223372036854775808],"b":9007199254740991,"c":1e21,"d":0.1,"e":-5}';
    expect(parseJson(text)).toEqual({
      a: [9007199254740993n, -9223372036854775808n],
      b: 9007199254740991,
      c: 1e21,
      d: 0.1,
      e: -5,
    });
  });

  it('leaves digits in strings alone', () => {
    const value = { '9007199254740993': 'id 9007199254740993, "9007199254740993" \\' };
    expect(parseJson(JSON.stringify(value))).toEqual(value);
  });

  it('writes a bigint as an integer', () => {
    expect(formatJson({ value: 9007199254740993n, text: '1' })).toBe('{"value":9007199254740993,"text":"1"}');
  });

  it('reads what JSON.parse reads, and gives back what was written', () => {
    const large = fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n });
    const value = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        fc.oneof(
          fc.string(),
          fc.boolean(),
          fc.constant(null),
          fc.double({ noNaN: true, max: 1e15, min: -1e15 }),
          large,
        ),
        fc.array(tie('value')),
        fc.dictionary(fc.string(), tie('value')),
      ),
    })).value;
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(
          JSON.stringify(parseJson(text), (_, v: unknown) => (typeof v === 'bigint' ? Number(v) : v)),
        ).toBe(JSON.stringify(JSON.parse(text)));
      }),
    );
    fc.assert(
      fc.property(value, (given) => {
        const plain = (v: unknown): unknown => (Object.is(v, -0) ? 0 : v);
        expect(parseJson(formatJson({ given }))).toEqual({ given: deep(given, plain) });
      }),
    );
  });
});

/** JSON has no negative zero. */
function deep(value: unknown, change: (value: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => deep(item, change));
  if (typeof value !== 'object' || value === null) return change(value);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, deep(item, change)]));
}
