import fc from 'fast-check';
import { delimited, double, tag, varint, wireType } from './wire-bytes.js';

// ---- values ----

/** A small set of names, so that they repeat within and across maps, with edge cases such as `__proto__`. */
export const nameArbitrary: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      'value',
      'host',
      'a',
      '',
      'größe',
      '温度',
      '🙂',
      '__proto__',
      'constructor',
      '7',
    ),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }) },
  { weight: 1, arbitrary: fc.constantFrom('x'.repeat(127), 'é'.repeat(64), 'n'.repeat(300)) },
);

export const textArbitrary: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom('', 'SHOWTIME', 'TRAINING', 'x'.repeat(48), 'y'.repeat(49), 'z'.repeat(200)),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
);

const [minInt64, maxInt64] = [-(2n ** 63n), 2n ** 63n - 1n];
export const int64Arbitrary: fc.Arbitrary<bigint> = fc.oneof(
  fc.bigInt({ min: minInt64, max: maxInt64 }),
  fc.constantFrom(0n, 1n, -1n, minInt64, maxInt64, 2n ** 31n, 2n ** 32n, 2n ** 35n - 1n, 2n ** 53n + 1n),
);

export const doubleArbitrary: fc.Arbitrary<number> = fc.oneof(
  fc.double(),
  fc.constantFrom(0, -0, NaN, Infinity, -Infinity, Number.MIN_VALUE, Number.MAX_VALUE, 1, 2 ** 53 + 2),
);

// ---- wire bytes of values: padded varints and broken UTF-8 are odd but valid ----

const padding = (maxBytes: number): fc.Arbitrary<number> =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constant(1) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: maxBytes }) },
  );

const integers = (values: fc.Arbitrary<bigint>): fc.Arbitrary<Buffer> =>
  fc.tuple(values, padding(10)).map(([value, length]) => varint(value, length));

const times = integers(int64Arbitrary);
const bools = integers(fc.constantFrom(0n, 1n, 1n, 1n, 2n, 128n, 2n ** 40n));
const doubles = doubleArbitrary.map(double);

const withLength = (bytes: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Buffer> =>
  fc.tuple(bytes, padding(5)).map(([content, length]) => delimited(content, length));

const texts = withLength(
  fc
    .tuple(textArbitrary, fc.integer({ min: 0, max: 30 }))
    .map(([text, cut]) => (cut === 0 ? Buffer.from(text).subarray(0, -1) : Buffer.from(text))),
);

/** Names are never broken UTF-8: two of them could read the same. */
const names = withLength(nameArbitrary.map((name) => Buffer.from(name)));

const field = (number: number, type: number, content: fc.Arbitrary<Buffer>, maxTagBytes = 1) =>
  fc
    .tuple(padding(maxTagBytes), content)
    .map(([tagBytes, bytes]) => Buffer.concat([tag(number, type, tagBytes), bytes]));

// ---- what the schema does not know ----

const unknownNumber = fc.oneof(fc.integer({ min: 13, max: 20 }), fc.constantFrom(2047, 2 ** 29 - 1));

/** Every wire type, groups within groups too. */
const contentOf = (type: number): fc.Arbitrary<Buffer> => {
  if (type === wireType.varint) return times;
  if (type === wireType.fixed64) return doubles;
  if (type === wireType.bytes) return withLength(fc.uint8Array({ maxLength: 20 }));
  return doubles.map((bytes) => bytes.subarray(0, 4));
};

const simpleTypes = [wireType.varint, wireType.fixed64, wireType.bytes, wireType.fixed32];

const unknownField: fc.Arbitrary<Buffer> = fc.letrec<{ field: Buffer }>((tie) => ({
  field: fc.oneof(
    { depthSize: 'small' },
    ...simpleTypes.map((type) => unknownNumber.chain((number) => field(number, type, contentOf(type), 5))),
    fc
      .tuple(unknownNumber, fc.array(tie('field'), { maxLength: 2 }))
      .map(([number, inner]) =>
        Buffer.concat([tag(number, wireType.groupStart), ...inner, tag(number, wireType.groupEnd)]),
      ),
  ),
})).field;

/** A field of the schema with a wire type that is not its own, which counts as unknown. */
const mistypedField: fc.Arbitrary<Buffer> = fc
  .tuple(fc.integer({ min: 1, max: 12 }), fc.constantFrom(wireType.fixed32, wireType.fixed64))
  .chain(([number, type]) => field(number, type, contentOf(type)));

// ---- points ----

/** The values of the maps, by field number. */
const mapValues = [
  [7, wireType.bytes, texts],
  [8, wireType.fixed64, doubles],
  [9, wireType.varint, integers(int64Arbitrary)],
  [10, wireType.bytes, texts],
  [12, wireType.varint, bools],
] as const;

const singles = [
  [1, wireType.varint, times],
  [2, wireType.bytes, texts],
  [3, wireType.bytes, texts],
  [4, wireType.bytes, texts],
  [5, wireType.bytes, texts],
  [11, wireType.varint, bools],
] as const;

const dimension = field(6, wireType.bytes, names);

/** An entry as Kapacitor writes it. */
const plainEntry = (type: number, value: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> =>
  fc.tuple(field(1, wireType.bytes, names), field(2, type, value)).map((parts) => Buffer.concat(parts));

/** An entry with its parts in any order, missing, repeated, or with something unknown between them. */
const oddEntry = (type: number, value: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> =>
  fc
    .array(
      fc.oneof(
        { weight: 3, arbitrary: field(1, wireType.bytes, names, 5) },
        { weight: 3, arbitrary: field(2, type, value, 5) },
        { weight: 1, arbitrary: unknownField },
      ),
      { maxLength: 4 },
    )
    .map((parts) => Buffer.concat(parts));

/**
 * The bytes of a Point message in the order that Kapacitor writes, with what may vary within it: what is empty left out
 * or not, a name twice in a map, padded integers and lengths.
 */
export const plainPointArbitrary: fc.Arbitrary<Buffer> = fc
  .tuple(
    ...singles.slice(0, 5).map(([number, type, content]) => fc.option(field(number, type, content))),
    ...[fc.array(dimension, { maxLength: 3 }).map((all) => Buffer.concat(all))],
    ...mapValues.map(([number, type, value]) => {
      const entries = fc.array(field(number, wireType.bytes, withLength(plainEntry(type, value))), {
        maxLength: 4,
      });
      const all = entries.map((parts) => Buffer.concat(parts));
      if (number !== 12) return all;
      const byName = fc.option(field(11, wireType.varint, bools), { nil: Buffer.alloc(0) });
      return fc.tuple(byName, all).map((parts) => Buffer.concat(parts));
    }),
  )
  .map((parts) => Buffer.concat(parts.filter((part) => part !== null)));

/** The bytes of a Point message in any form that protobuf allows: any order, anything repeated, unknown or padded. */
export const oddPointArbitrary: fc.Arbitrary<Buffer> = fc
  .array(
    fc.oneof(
      ...singles.map(([number, type, content]) => field(number, type, content, 5)),
      dimension,
      ...mapValues.flatMap(([number, type, value]) => [
        field(number, wireType.bytes, withLength(plainEntry(type, value)), 5),
        field(number, wireType.bytes, withLength(oddEntry(type, value))),
      ]),
      unknownField,
      mistypedField,
    ),
    { maxLength: 14 },
  )
  .map((fields) => Buffer.concat(fields));

export const pointArbitrary: fc.Arbitrary<Buffer> = fc.oneof(plainPointArbitrary, oddPointArbitrary);

/** Bytes that are a Point message but for one spot: something cut off, changed, put in or taken out. */
export const damagedPointArbitrary: fc.Arbitrary<Buffer> = fc
  .tuple(
    pointArbitrary,
    fc.nat(),
    fc.constantFrom('cut', 'change', 'insert', 'remove'),
    fc.integer({ max: 255, min: 0 }),
  )
  .map(([bytes, where, damage, byte]) => {
    const at = where % (bytes.length + 1);
    const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
    if (damage === 'cut') return before;
    if (damage === 'remove') return Buffer.concat([before, after.subarray(1)]);
    return Buffer.concat([before, Buffer.of(byte), damage === 'change' ? after.subarray(1) : after]);
  });
