import fc from 'fast-check';
import { formatLine, parseLine, parseLines, showLine } from 'kapacitor-udf/testkit';
import { describe, expect, test } from 'vitest';
import { plain, readText } from '../support/recording-files.js';

/** Names and tags: no newline, no backslash before what it would escape, not empty. */
const word = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 12 })
  .filter((text) => !/\n|\\(?:[, ="]|$)|^[#\t\0]/.test(text));
const value = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.boolean(),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom('', '\\', '"', '\n', 'a\nb', '\\"', ',= '),
);
const point = fc.record({
  name: word,
  tags: fc.dictionary(word, word, { maxKeys: 4, noNullPrototype: true }),
  fields: fc.dictionary(word, value, { minKeys: 1, maxKeys: 4, noNullPrototype: true }),
  time: fc.option(fc.bigInt({ min: -(2n ** 63n) + 2n, max: 2n ** 63n - 2n }), { nil: undefined }),
});

describe('line protocol', () => {
  test('that is written is read back as it was', () => {
    fc.assert(
      fc.property(point, (given) => {
        expect(parseLine(formatLine(given))).toEqual(given);
      }),
    );
  });

  test('has doubles as JavaScript reads them, however they are written', () => {
    const digits = fc
      .array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 24 })
      .map((all) => all.join(''));
    const exponent = fc.option(
      fc.tuple(fc.constantFrom('e', 'E'), fc.constantFrom('', '+', '-'), fc.integer({ min: 0, max: 200 })),
    );
    const text = fc
      .tuple(fc.constantFrom('', '-'), fc.constantFrom(0, 1, 2), digits, digits, exponent)
      .map(([sign, form, whole, fraction, power]) => {
        const number = form === 0 ? whole : form === 1 ? `${whole}.${fraction}` : `.${fraction}`;
        return sign + number + (power?.join('') ?? '');
      });
    fc.assert(
      fc.property(text, (literal) => {
        expect(parseLine(`cpu v=${literal},w=1`).fields).toStrictEqual({ v: Number(literal), w: 1 });
      }),
    );
  });

  test('makes points with the values and the time that it has', async () => {
    await fc.assert(
      fc.asyncProperty(point, async (given) => {
        const [made, ...more] = await readText('lp', formatLine(given), { now: 7n });
        const { name, tags, fields, time = 7n } = given;
        expect(plain(made!)).toMatchObject({ name, time });
        expect(plain(made!)).toHaveProperty('tags', tags);
        expect(plain(made!)).toHaveProperty('fields', fields);
        expect(more).toEqual([]);
      }),
    );
  });

  test('has the series that each line names, whatever came before it', () => {
    expect(() => parseLines('a v=1\na\\')).toThrow('fields are missing');
    const order = ['a', 'a\\ b', 'a', 'ab', 'a,t=1', 'a\\ b', 'a', 'a,t=12'];
    const text = [...order, ...order, ...order].map((series, index) => `${series} v=${index}`).join('\n');
    const points = parseLines(text);
    expect(points.map(({ fields }) => fields.v)).toEqual(points.map((_point, index) => index));
    const names = ['a', 'a b', 'a', 'ab', 'a', 'a b', 'a', 'a'];
    expect(points.map(({ name }) => name)).toEqual([...names, ...names, ...names]);
    expect(points.filter(({ tags }) => tags.t === '12')).toHaveLength(3);
  });

  test('of several points in one text is read back as it was', () => {
    fc.assert(
      fc.property(fc.array(point, { maxLength: 5 }), (points) => {
        expect(parseLines(points.map(formatLine).join('\n'))).toEqual(points);
      }),
    );
  });

  test.each([
    ['a point without fields', { fields: {} }, /needs a field/],
    ['NaN', { fields: { v: NaN } }, /NaN, the value of field "v"/],
    ['an infinity', { fields: { v: -Infinity } }, /-Infinity/],
    ['an empty name', { name: '' }, /the measurement that is empty/],
    ['a name that looks like a comment', { name: '#cpu' }, /begin a comment/],
    ['a name that looks indented', { name: '\tcpu' }, /would be indentation/],
    ['a first field that looks indented', { fields: { '\tv': 1 } }, /would part it from the tags/],
    ['the last time of an int64', { time: 2n ** 63n - 1n }, /cannot hold the time 9223372036854775807/],
    ['an empty tag', { tags: { host: '' } }, /tag "host" that is empty/],
    ['a tag with a newline', { tags: { host: 'a\nb' } }, /tag "host" "a\\nb": it has a newline/],
    ['a tag that ends in a backslash', { tags: { host: 'a\\' } }, /its backslash would escape what follows/],
    ['a key with a backslash before a comma', { fields: { 'a\\,b': 1 } }, /a field key/],
  ])('cannot hold %s, and writing says so', (_what, change, message) => {
    const given = { name: 'cpu', tags: {}, fields: { v: 1 }, ...change };
    expect(() => formatLine(given)).toThrow(message);
    expect(showLine(given)).not.toBe('');
  });

  test('may be indented, with empty lines and comments, and with Windows line ends', () => {
    const text = `
      # what the router said, "in its own words
      adsl,host=r1 value="SHOWTIME" 1\r

      adsl,host=r1 value="TRAINING" 2`;
    expect(parseLines(text).map(({ fields, time }) => [fields.value, time])).toEqual([
      ['SHOWTIME', 1n],
      ['TRAINING', 2n],
    ]);
  });

  test('holds newlines and quotes in texts, and quotes that mean nothing in tags', () => {
    const text = 'a,t=x"y v="one\ntwo \\" # no comment" 1\nb v="" 2';
    expect(parseLines(text)).toEqual([
      { name: 'a', tags: { t: 'x"y' }, fields: { v: 'one\ntwo " # no comment' }, time: 1n },
      { name: 'b', tags: {}, fields: { v: '' }, time: 2n },
    ]);
  });

  test('that is wrong is named by line and column', () => {
    expect(() => parseLines('a v="one\ntwo" 1\n\n# c\nb v=1 x')).toThrow(
      'line 5: "x" is no time in nanoseconds (column 7)',
    );
  });
});
