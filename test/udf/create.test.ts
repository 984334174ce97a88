import Long from 'long';
import { type BatchInit, createBatch, createPoint, type FieldInput } from 'kapacitor-udf';
import { describe, expect, it, test } from 'vitest';

const init = { name: 'cpu', time: 1n, fields: { usage: 1 } };

describe('createPoint', () => {
  it('makes a point of what it is given, and leaves the rest empty', () => {
    const point = createPoint({ ...init, tags: { host: 'a' } });
    expect([point.name, point.time, point.tags, point.fields]).toEqual([
      'cpu',
      1n,
      { host: 'a' },
      { usage: 1 },
    ]);
    expect([point.database, point.retentionPolicy, point.group, point.dimensions]).toEqual(['', '', '', []]);
  });

  it('takes a point as what to make another from', () => {
    expect(createPoint(createPoint(init))).toEqual(createPoint(init));
  });

  it.each([
    ['an empty name', { name: '' }, "a point's name must not be empty"],
    ['no name', { name: undefined }, "a point's name must be a string, got undefined"],
    ['an empty name of a field', { fields: { '': 1 } }, "a field's name must not be empty"],
    ['an empty name of a tag', { tags: { '': 'a' } }, "a tag's name must not be empty"],
    [
      '2^63',
      field(2n ** 63n),
      'field "count" does not fit an int64: 9223372036854775808; Number(value) makes it a double',
    ],
    [
      '-2^63 - 1',
      field(-(2n ** 63n) - 1n),
      'field "count" does not fit an int64: -9223372036854775809; Number(value) makes it a double',
    ],
    [
      'an unsigned Long above int64',
      field(Long.MAX_UNSIGNED_VALUE),
      'field "count" does not fit an int64: 18446744073709551615',
    ],
    ['fields in an array', { fields: [1] }, 'fields must be an object, got an array'],
    ['fields in a Map', { fields: new Map([['usage', 1]]) }, 'fields must be an object, got a Map'],
    ['tags in an array', { tags: ['a'] }, 'tags must be an object, got an array'],
    ['dimensions that are text', { dimensions: 'host' }, "a point's dimensions must be an array, got string"],
    [
      'a misspelt key',
      { tag: {} },
      'createPoint({ name, time, fields }): unknown key "tag" (did you mean "tags"?)',
    ],
    [
      'a key that is like none',
      { retention: 1 },
      'createPoint({ name, time, fields }): unknown key "retention" (it takes name, time, fields, tags, group, dimensions, byName, database, retentionPolicy)',
    ],
    ['byName that is text', { byName: 'yes' }, 'byName must be a boolean, got string'],
    ['a time beyond int64', { time: 2n ** 63n }, "a point's time does not fit an int64: 9223372036854775808"],
  ])('refuses %s', (_, wrong, message) => {
    const given = { ...init, ...wrong } as typeof init; // as JavaScript may give it
    expect(() => createPoint(given)).toThrow(expect.objectContaining({ code: 'invalid_argument', message }));
  });
});

test.each([
  [
    () => createPoint(undefined as never),
    'createPoint({ name, time, fields }) must be given an object, got undefined',
  ],
  [() => createBatch(null as never), 'createBatch({ name, time, points }) must be given an object, got null'],
])('nothing at all is refused: %s', (create, message) => {
  expect(create).toThrow(expect.objectContaining({ code: 'invalid_argument', message }));
});

describe('createBatch', () => {
  const points = [{ time: 1n, fields: { usage: 1 } }];

  it.each([
    ['an empty name', { name: '' }, "a batch's name must not be empty"],
    ['an empty name of a tag', { tags: { '': 'a' } }, "a tag's name must not be empty"],
    [
      'a misspelt key',
      { point: [] },
      'createBatch({ name, time, points }): unknown key "point" (did you mean "points"?)',
    ],
    [
      'a misspelt key of a point',
      { points: [{ time: 1n, fields: { usage: 1 }, tag: {} }] },
      `a batch's point: unknown key "tag" (did you mean "tags"?)`,
    ],
    ['no points', { points: undefined }, "a batch's points must be an array, got undefined"],
    ['points in a Set', { points: new Set(points) }, "a batch's points must be an array, got a Set"],
    ['tags in a Map', { tags: new Map() }, 'tags must be an object, got a Map'],
    ['byName that is a number', { byName: 1 }, 'byName must be a boolean, got number'],
    [
      'an empty name of a field of a point',
      { points: [{ time: 1n, fields: { '': 1 } }] },
      "a field's name must not be empty",
    ],
    [
      'an integer beyond 64 bits in a point',
      { points: [{ time: 1n, ...field(2n ** 63n) }] },
      'field "count" does not fit an int64: 9223372036854775808; Number(value) makes it a double',
    ],
  ])('refuses %s', (_, wrong, message) => {
    const given = { name: 'cpu', time: 1n, points, ...wrong } as BatchInit; // as JavaScript may give it
    expect(() => createBatch(given)).toThrow(expect.objectContaining({ code: 'invalid_argument', message }));
  });
});

function field(value: FieldInput) {
  return { fields: { count: value } };
}
