import { createBatch, createPoint, type Point } from 'kapacitor-udf';
import { describe, expect, test } from 'vitest';

// What TypeScript refuses and JavaScript does not: each would be written as something else, or as nothing at all.

const point = createPoint({ name: 'cpu', time: 1n, tags: { host: 'a' }, fields: { usage: 1 } });
const batch = createBatch({ name: 'cpu', time: 1n, points: [{ time: 1n, fields: { usage: 1 } }] });

class Reading {
  usage = 2;
}

const refused = (call: () => unknown, message: string): void => {
  expect(call).toThrow(expect.objectContaining({ code: 'invalid_argument', message }));
};

describe('fields and tags must be properties of an object:', () => {
  test.each<[unknown, string]>([
    [[1], 'an array'],
    [new Map([['usage', 1]]), 'a Map'],
    [new Set(), 'a Set'],
    [new Date(0), 'a Date'],
    [point, 'a LazyPoint'],
    ['text', 'string'],
    [null, 'null'],
    [undefined, 'undefined'],
  ])('%s is refused', (given, got) => {
    const fields = `fields must be an object, got ${got}`;
    refused(() => point.withFields(given as never), fields);
    refused(() => point.replaceFields(given as never), fields);
    refused(() => batch.withPoints([{ time: 1n, fields: given as never }]), fields);
    const tags = `tags must be an object, got ${got}`;
    refused(() => point.withTags(given as never), tags);
    refused(() => point.replaceTags(given as never), tags);
    refused(() => batch.withTags(given as never), tags);
    refused(() => batch.replaceTags(given as never), tags);
    if (given !== undefined) {
      refused(() => batch.withPoints([{ time: 1n, tags: given as never, fields: {} }]), tags);
    }
  });

  test.each<[string, object]>([
    ['an object literal', { usage: 2 }],
    ['an object without a prototype', Object.assign(Object.create(null) as object, { usage: 2 })],
    ['an instance of a class with its values as properties', new Reading()],
  ])('%s is taken', (_, given) => {
    expect(point.withFields(given as never).fields).toEqual({ usage: 2 });
  });
});

describe('a name must be a string:', () => {
  test.each<[string, (point: Point) => unknown, string]>([
    ['field(5)', () => point.field(5 as never), "a field's name must be a string, got number"],
    ['number(null)', () => point.number(null as never), "a field's name must be a string, got null"],
    ['tag(undefined)', () => point.tag(undefined as never), "a tag's name must be a string, got undefined"],
    [
      'withField(undefined, 1)',
      () => point.withField(undefined as never, 1),
      "a field's name must be a string, got undefined",
    ],
    ['withTag(5, …)', () => point.withTag(5 as never, 'b'), "a tag's name must be a string, got number"],
    [
      'withTag(5, …) of a batch',
      () => batch.withTag(5 as never, 'b'),
      "a tag's name must be a string, got number",
    ],
    [
      'withoutFields(undefined)',
      () => point.withoutFields(undefined as never),
      "a field's name must be a string, got undefined",
    ],
    [
      'withoutFields([…])',
      () => point.withoutFields(['usage'] as never),
      "a field's name must be a string, got an array",
    ],
  ])('%s is refused', (_, call, message) => {
    refused(() => call(point), message);
    expect(point.field('usage')).toBe(1); // what was refused is not kept as a known name
  });
});

describe('a part of the head must be of its type:', () => {
  test.each<[string, () => unknown, string]>([
    ['name', () => point.withName(undefined as never), "a point's name must be a string, got undefined"],
    ['database', () => point.withDatabase(1 as never), "a point's database must be a string, got number"],
    [
      'retention policy',
      () => point.withRetentionPolicy(undefined as never),
      "a point's retentionPolicy must be a string, got undefined",
    ],
    [
      'time',
      () => point.withTime(undefined as never),
      "a point's time must be nanoseconds as a bigint or a Long, got undefined; of milliseconds, it is BigInt(milliseconds) * 1_000_000n",
    ],
    [
      'dimensions that are text',
      () => point.withDimensions('x' as never),
      "a point's dimensions must be an array, got string",
    ],
    [
      'dimensions that are not given',
      () => point.withDimensions(undefined as never),
      "a point's dimensions must be an array, got undefined",
    ],
    [
      'a dimension',
      () => point.withDimensions([, 'host'] as never),
      "a point's dimension must be a string, got undefined",
    ],
    ['byName', () => point.withDimensions([], 'yes' as never), 'byName must be a boolean, got string'],
    ['the name of a batch', () => batch.withName(1 as never), "a batch's name must be a string, got number"],
  ])('%s', (_, call, message) => {
    refused(call, message);
  });
});
