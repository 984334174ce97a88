import assert from 'node:assert/strict';
import fc from 'fast-check';
import Long from 'long';
import { describe, expect, it } from 'vitest';
import { UdfError } from '../../../src/model/errors.js';
import type { FieldInput, FieldValue } from '../../../src/model/values.js';
import { LazyPoint } from '../../../src/wire/point/lazy-point.js';
import {
  doubleArbitrary,
  int64Arbitrary,
  nameArbitrary,
  plainPointArbitrary,
  pointArbitrary,
  textArbitrary,
} from '../../support/generators.js';
import { bodyOf, expected, frameOf, lazyPoint, readAll } from '../../support/lazy-points.js';
import { mapValues, type OraclePoint, oraclePoint } from '../../support/oracle.js';
import { propertyTimeout, runs } from '../../support/runs.js';
import { bytesField, pointFrame } from '../../support/wire-bytes.js';

/** One change, made by the lazy point and by hand on the oracle's message. */
interface Change {
  readonly what: string;
  readonly make: (point: LazyPoint) => LazyPoint;
  readonly edit: (message: OraclePoint) => OraclePoint;
}

/** What an author may give; an empty name is refused. */
const givenNameArbitrary = nameArbitrary.filter((name) => name !== '');

const dictionary = <Value>(value: fc.Arbitrary<Value>, maxKeys = 4) =>
  fc
    .uniqueArray(fc.tuple(givenNameArbitrary, value), { selector: ([name]) => name, maxLength: maxKeys })
    .map((entries): Record<string, Value> => Object.fromEntries(entries));

const fieldsArbitrary = dictionary<FieldInput>(
  fc.oneof(
    doubleArbitrary,
    int64Arbitrary,
    int64Arbitrary.map((value) => Long.fromBigInt(value)),
    textArbitrary,
    fc.boolean(),
  ),
);

const changeArbitrary: fc.Arbitrary<Change> = fc.oneof(
  fieldsArbitrary.map((fields) => ({
    what: 'replaceFields',
    make: (point: LazyPoint) => point.replaceFields(fields),
    edit: (message: OraclePoint) => ({ ...message, ...inMaps(fields) }),
  })),
  fieldsArbitrary.map((fields) => ({
    what: 'withFields',
    make: (point: LazyPoint) => point.withFields(fields),
    edit: (message: OraclePoint) => added(message, fields),
  })),
  fieldsArbitrary
    .map((fields) => Object.entries(fields)[0] ?? (['value', 1] as const))
    .map(([name, value]) => ({
      what: 'withField',
      make: (point: LazyPoint) => point.withField(name, value),
      edit: (message: OraclePoint) => added(message, Object.fromEntries([[name, value]])),
    })),
  fc.array(nameArbitrary, { maxLength: 3 }).map((names) => ({
    what: 'withoutFields',
    make: (point: LazyPoint) => point.withoutFields(...names),
    edit: (message: OraclePoint) => without(message, names),
  })),
  dictionary(textArbitrary).map((tags) => ({
    what: 'replaceTags',
    make: (point: LazyPoint) => point.replaceTags(tags),
    edit: (message: OraclePoint) => ({ ...message, tags }),
  })),
  dictionary(textArbitrary).map((tags) => ({
    what: 'withTags',
    make: (point: LazyPoint) => point.withTags(tags),
    edit: (message: OraclePoint) => ({ ...message, tags: { ...message.tags, ...tags } }),
  })),
  fc.tuple(givenNameArbitrary, textArbitrary).map(([name, value]) => ({
    what: 'withTag',
    make: (point: LazyPoint) => point.withTag(name, value),
    edit: (message: OraclePoint) => ({
      ...message,
      tags: Object.fromEntries([...Object.entries(message.tags), [name, value]]),
    }),
  })),
  fc.tuple(int64Arbitrary, fc.boolean()).map(([time, long]) => ({
    what: 'withTime',
    make: (point: LazyPoint) => point.withTime(long ? Long.fromBigInt(time) : time),
    edit: (message: OraclePoint) => ({ ...message, time }),
  })),
  givenNameArbitrary.map((name) => ({
    what: 'withName',
    make: (point: LazyPoint) => point.withName(name),
    edit: (message: OraclePoint) => ({ ...message, name }),
  })),
  textArbitrary.map((database) => ({
    what: 'withDatabase',
    make: (point: LazyPoint) => point.withDatabase(database),
    edit: (message: OraclePoint) => ({ ...message, database }),
  })),
  textArbitrary.map((retentionPolicy) => ({
    what: 'withRetentionPolicy',
    make: (point: LazyPoint) => point.withRetentionPolicy(retentionPolicy),
    edit: (message: OraclePoint) => ({ ...message, retentionPolicy }),
  })),
  fc
    .tuple(fc.array(nameArbitrary, { maxLength: 3 }), fc.option(fc.boolean()))
    .map(([dimensions, byName]) => ({
      what: 'withDimensions',
      make: (point: LazyPoint) =>
        byName === null ? point.withDimensions(dimensions) : point.withDimensions(dimensions, byName),
      edit: (message: OraclePoint) => ({ ...message, dimensions, byName: byName ?? message.byName }),
    })),
  fc
    .record({ database: textArbitrary, retentionPolicy: textArbitrary, group: textArbitrary })
    .map((head) => ({
      what: 'withHead',
      make: (point: LazyPoint) => point.withHead(head),
      edit: (message: OraclePoint) => ({ ...message, ...head }),
    })),
  fc.constant({
    what: 'detach',
    make: (point: LazyPoint) => point.detach(),
    edit: (message: OraclePoint) => message,
  }),
);

/** Fields as the four maps of a message. */
function inMaps(fields: Readonly<Record<string, FieldInput>>) {
  const values = mapValues(fields, (value) =>
    typeof value === 'object' ? Long.fromBits(value.low, value.high).toBigInt() : value,
  );
  const only = <Kind extends FieldValue>(is: (value: FieldValue) => value is Kind): Record<string, Kind> =>
    Object.fromEntries(Object.entries(values).filter((entry): entry is [string, Kind] => is(entry[1])));
  return {
    fieldsDouble: only((value) => typeof value === 'number'),
    fieldsInt: only((value) => typeof value === 'bigint'),
    fieldsString: only((value) => typeof value === 'string'),
    fieldsBool: only((value) => typeof value === 'boolean'),
  };
}

function without(message: OraclePoint, names: readonly string[]): OraclePoint {
  const rest = <Value>(fields: Readonly<Record<string, Value>>): Record<string, Value> =>
    Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)));
  const { fieldsDouble, fieldsInt, fieldsString, fieldsBool } = message;
  return {
    ...message,
    fieldsDouble: rest(fieldsDouble),
    fieldsInt: rest(fieldsInt),
    fieldsString: rest(fieldsString),
    fieldsBool: rest(fieldsBool),
  };
}

function added(message: OraclePoint, fields: Readonly<Record<string, FieldInput>>): OraclePoint {
  const kept = without(message, Object.keys(fields));
  const more = inMaps(fields);
  const both = <Value>(a: Readonly<Record<string, Value>>, b: Readonly<Record<string, Value>>) =>
    Object.fromEntries([...Object.entries(a), ...Object.entries(b)]);
  return {
    ...kept,
    fieldsDouble: both(kept.fieldsDouble, more.fieldsDouble),
    fieldsInt: both(kept.fieldsInt, more.fieldsInt),
    fieldsString: both(kept.fieldsString, more.fieldsString),
    fieldsBool: both(kept.fieldsBool, more.fieldsBool),
  };
}

describe('a changed point', { timeout: propertyTimeout }, () => {
  it('is what the same changes make of the message that protobufjs decodes, and leaves the original as it was', () => {
    fc.assert(
      fc.property(
        pointArbitrary,
        fc.array(changeArbitrary, { minLength: 1, maxLength: 5 }),
        (body, changes) => {
          const original = lazyPoint(body);
          let point = original;
          let message = oraclePoint(body);
          for (const { make, edit } of changes) {
            const before = Buffer.from(frameOf(point));
            const changed = make(point);
            message = edit(message);
            assert.deepEqual(oraclePoint(bodyOf(changed)), message);
            assert.deepEqual(readAll(changed), expected(message));
            if (changed !== original && point !== original) assert.deepEqual(frameOf(point), before);
            point = changed;
          }
          assert.deepEqual(readAll(original), expected(oraclePoint(body)));
          assert.deepEqual(frameOf(point), pointFrame(bodyOf(point)).buf);
        },
      ),
      runs(500),
    );
  });

  it('keeps its own bytes for all that is not changed', () => {
    fc.assert(
      fc.property(plainPointArbitrary, (body) => {
        const point = lazyPoint(body);
        const fields = bodyOf(point.withTime(1n).withTime(point.time));
        assert.deepEqual(canonicalTime(fields), canonicalTime(bodyOf(point)));
      }),
      runs(200),
    );
  });

  it('keeps a tag that is not UTF-8 as it is when its time, its name or another tag changes', () => {
    const city = Buffer.concat([bytesField(1, 'city'), bytesField(2, Buffer.from('Köln', 'latin1'))]);
    const point = lazyPoint(Buffer.concat([bytesField(2, 'name'), bytesField(7, city)]));
    for (const changed of [point.withTime(1n), point.withName('other'), point.withTag('host', 'a')]) {
      expect(bodyOf(changed).includes(city)).toBe(true);
    }
  });

  it('is right whatever size it has and its neighbours have', () => {
    // Around the sizes at which a length takes one more byte, and at which memory for new points is used up.
    const size = fc.oneof(
      fc.integer({ min: 0, max: 300 }),
      fc.integer({ min: 16_300, max: 16_400 }),
      fc.integer({ min: 65_400, max: 65_600 }),
    );
    fc.assert(
      fc.property(fc.array(size, { minLength: 1, maxLength: 12 }), (sizes) => {
        const points = sizes.map((length, index) => {
          const text = `${index % 10}`.repeat(length);
          return { text, point: lazyPoint(bytesField(2, 'name')).replaceFields({ text }) };
        });
        for (const { text, point } of points) {
          assert.equal(point.field('text'), text);
          assert.deepEqual(frameOf(point), pointFrame(bodyOf(point)).buf);
        }
      }),
      runs(40),
    );
  });
});

/** Without the time, which may be left out when it is 0, and padded. */
function canonicalTime(body: Buffer): Buffer {
  if (body[0] !== 0x08) return body;
  let at = 1;
  while (body[at]! > 0x7f) at++;
  return body.subarray(at + 1);
}

describe('a new point', { timeout: propertyTimeout }, () => {
  const head = {
    time: 0n,
    name: '',
    database: '',
    retentionPolicy: '',
    group: '',
    dimensions: [],
    tags: {},
    byName: false,
  };

  it('is the message that it was made from', () => {
    const heads = fc.record({
      time: int64Arbitrary,
      name: textArbitrary,
      database: textArbitrary,
      retentionPolicy: textArbitrary,
      group: textArbitrary,
      dimensions: fc.array(nameArbitrary, { maxLength: 3 }),
      tags: dictionary(textArbitrary),
      byName: fc.boolean(),
    });
    fc.assert(
      fc.property(heads, fieldsArbitrary, (given, fields) => {
        const point = LazyPoint.create(given, fields);
        const message = { ...given, ...inMaps(fields) };
        assert.deepEqual(oraclePoint(bodyOf(point)), message);
        assert.deepEqual(readAll(point), expected(message));
        assert.deepEqual(frameOf(point), pointFrame(bodyOf(point)).buf);
      }),
      runs(300),
    );
  });

  it.each([
    ['undefined', undefined, 'field "odd" cannot be undefined'],
    ['null', null, 'field "odd" cannot be null'],
    ['an object', {}, 'field "odd" cannot be an object'],
    ['an array', [], 'field "odd" cannot be an array'],
    ['a promise', Promise.resolve(1), 'field "odd" cannot be a promise (await it)'],
    ['a symbol', Symbol('x'), 'field "odd" cannot be a symbol'],
    ['a function', () => 1, 'field "odd" cannot be a function'],
    ['2^63', 2n ** 63n, 'field "odd" does not fit an int64: 9223372036854775808'],
    ['-2^63 - 1', -(2n ** 63n) - 1n, 'field "odd" does not fit an int64: -9223372036854775809'],
    [
      'a Long whose halves are wider than 32 bits',
      { low: 2 ** 40, high: 0, unsigned: false },
      'field "odd" is not a Long: its halves must be integers of 32 bits',
    ],
    [
      'an unsigned Long of 2^64 - 1',
      Long.MAX_UNSIGNED_VALUE,
      'field "odd" does not fit an int64: 18446744073709551615',
    ],
  ])('refuses a field that is %s, naming it, and is made all the same next time', (_, value, message) => {
    const point = lazyPoint(bytesField(2, 'name'));
    const odd = { fine: 1, odd: value } as Record<string, FieldInput>;
    for (const call of [
      () => LazyPoint.create(head, odd),
      () => point.replaceFields(odd),
      () => point.withFields(odd),
      () => point.withField('odd', value as FieldInput),
    ]) {
      expect(call).toThrow(UdfError);
      expect(call).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
      expect(call).toThrow(message);
    }
    expect(point.replaceFields({ fine: 1 }).fields).toEqual({ fine: 1 });
  });

  it('refuses an empty name of a field, a tag or a measurement', () => {
    const point = lazyPoint(bytesField(2, 'name'));
    for (const [what, calls] of [
      [
        "a field's name",
        [
          () => point.withField('', 1),
          () => point.withFields({ '': 1 }),
          () => point.replaceFields({ '': 1 }),
        ],
      ],
      [
        "a tag's name",
        [
          () => point.withTag('', 'a'),
          () => point.withTags({ '': 'a' }),
          () => point.replaceTags({ '': 'a' }),
        ],
      ],
      ["a point's name", [() => point.withName('')]],
    ] as const) {
      for (const call of calls) {
        const message = `${what} must not be empty`;
        expect(call).toThrow(expect.objectContaining({ code: 'invalid_argument', message }));
      }
    }
  });

  it.each([
    [undefined, 'undefined'],
    [null, 'null'],
    [7, 'number'],
  ])('refuses %s in the place of fields', (given, got) => {
    const none = given as never;
    const point = lazyPoint(bytesField(2, 'name'));
    const message = `fields must be an object, got ${got}`;
    for (const call of [
      () => LazyPoint.create(head, none),
      () => point.replaceFields(none),
      () => point.withFields(none),
    ]) {
      expect(call).toThrow(expect.objectContaining({ code: 'invalid_argument', message }));
    }
  });

  it('takes the fields that an object has itself, each read once, though reading one looks at another point', () => {
    const other = lazyPoint(bytesField(2, 'other'));
    let reads = 0;
    const given = Object.create(
      { inherited: 1 },
      {
        x: {
          enumerable: true,
          get: () => {
            reads++;
            return other.name.length;
          },
        },
        hidden: { enumerable: false, value: 1 },
      },
    ) as Record<string, number>;
    const point = lazyPoint(bytesField(2, 'name'));
    for (const changed of [point.replaceFields(given), point.withFields(given)]) {
      expect([changed.name, changed.fields]).toEqual(['name', { x: 5 }]);
    }
    expect(reads).toBe(2);
  });

  it('takes its tags once each, though reading one looks at another point and answers otherwise the next time', () => {
    const other = lazyPoint(bytesField(2, 'other'));
    let reads = 0;
    const tags = {
      get host() {
        return other.name + 'x'.repeat(1000 * reads++);
      },
    };
    const point = lazyPoint(bytesField(2, 'name'));
    const changed = point.withTags(tags);
    expect([changed.name, changed.tags]).toEqual(['name', { host: 'other' }]);
    const created = LazyPoint.create({ ...head, tags }, {});
    expect([created.name, created.tags]).toEqual([head.name, { host: 'other' + 'x'.repeat(1000) }]);
    expect(reads).toBe(2);
  });

  it.each([
    [
      'its time',
      { time: 5 },
      "a point's time must be nanoseconds as a bigint or a Long, got a number; of milliseconds, it is BigInt(milliseconds) * 1_000_000n",
    ],
    ['its time', { time: 2n ** 63n }, "a point's time does not fit an int64: 9223372036854775808"],
    ['its name', { name: 7 }, "a point's name must be a string, got number"],
    ['its group', { group: null }, "a point's group must be a string, got null"],
    ['a dimension', { dimensions: [7] }, "a point's dimension must be a string, got number"],
    ['a tag', { tags: { host: 7 } }, 'tag "host" must be a string, got number'],
  ])('refuses %s of another type', (_, wrong, message) => {
    const given = wrong as Partial<typeof head>;
    const point = lazyPoint(bytesField(2, 'name'));
    for (const call of [() => LazyPoint.create({ ...head, ...given }, {}), () => point.withHead(given)]) {
      expect(call).toThrow(expect.objectContaining({ code: 'invalid_argument', message }));
    }
    expect(readAll(point)).toEqual(expected(oraclePoint(bytesField(2, 'name'))));
  });

  it('takes a Long of another copy of the package, or what has its shape', () => {
    const { fields } = LazyPoint.create(head, { a: { low: -1, high: -1, unsigned: false } });
    expect(fields).toEqual({ a: -1n });
  });

  it('writes half of a surrogate pair as U+FFFD', () => {
    const point = LazyPoint.create({ ...head, name: 'a\ud800' }, { text: '\udc00' });
    expect([point.name, point.field('text')]).toEqual(['a\ufffd', '\ufffd']);
  });
});
