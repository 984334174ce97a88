import type protobuf from 'protobufjs';
import { describe, expect, test } from 'vitest';
import { schema } from '../../src/wire/schema.js';
import * as tags from '../../src/wire/tags.js';

/** The bytes that protobufjs encodes for one field. */
function encoded(type: protobuf.Type, field: string, value: unknown): Uint8Array {
  return type.encode(type.create({ [field]: value })).finish();
}

/** A value that is not left out, by a field's type in the schema. */
function sampleOf(field: protobuf.Field): unknown {
  const sample = samples[field.type as keyof typeof samples]; // the schema's types without messages
  if (field.map) return { k: sample };
  return field.repeated ? [sample] : sample;
}
const samples = {
  bool: true,
  bytes: Uint8Array.of(1),
  double: 1,
  int64: 1,
  string: 'x',
};

describe('each tag is the one that protobufjs writes for the field in proto/udf.proto', () => {
  const ofPoint: Readonly<Record<string, number>> = {
    time: tags.timeTag,
    name: tags.nameTag,
    database: tags.databaseTag,
    retentionPolicy: tags.retentionPolicyTag,
    group: tags.groupTag,
    dimensions: tags.dimensionTag,
    tags: tags.tagsTag,
    fieldsDouble: tags.doubleTag,
    fieldsInt: tags.intTag,
    fieldsString: tags.stringTag,
    byName: tags.byNameTag,
    fieldsBool: tags.boolTag,
  };

  test.each(Object.entries(schema.Point.fields))('Point.%s', (name, field) => {
    expect(encoded(schema.Point, name, sampleOf(field))[0]).toBe(ofPoint[name]);
  });

  test.each([
    ['info', tags.infoTag],
    ['init', tags.initTag],
    ['keepalive', tags.keepaliveTag],
    ['snapshot', tags.snapshotTag],
    ['restore', tags.restoreTag],
  ])('%s in a Request and in a Response', (member, tag) => {
    for (const type of [schema.Request, schema.Response]) expect(encoded(type, member, {})[0]).toBe(tag);
  });

  test('a point in a Request and in a Response, whose tag takes two bytes', () => {
    for (const type of [schema.Request, schema.Response]) {
      expect([...encoded(type, 'point', {})]).toEqual([tags.pointTag0, tags.pointTag1, 0]);
    }
  });

  test('the bytes of a snapshot', () => {
    const { snapshot } = schema.Response.fields;
    const type = snapshot!.resolve().resolvedType as protobuf.Type; // a message, not an enum
    expect(encoded(type, 'snapshot', samples.bytes)[0]).toBe(tags.snapshotBytesTag);
  });

  test.each([
    ['tags', tags.textValueTag],
    ['fieldsDouble', tags.doubleValueTag],
    ['fieldsInt', tags.varintValueTag],
    ['fieldsString', tags.textValueTag],
    ['fieldsBool', tags.varintValueTag],
  ])('key and value of an entry in Point.%s', (name, valueTag) => {
    const bytes = encoded(schema.Point, name, sampleOf(schema.Point.fields[name]!));
    // Tag and length of the entry, then tag, length and text of the key.
    expect([bytes[2], bytes[3], bytes[4]]).toEqual([tags.keyTag, 1, 'k'.charCodeAt(0)]);
    expect(bytes[5]).toBe(valueTag);
  });
});

test('the benchmarks know the same tags', async () => {
  const path = '../bench/corpus/tags.mjs';
  const bench = (await import(path)) as Readonly<Record<string, number>>;
  for (const member of Object.keys(schema.Response.fields)) {
    if (member === 'error') continue;
    expect(bench[`${member}Byte`], member).toBe(encoded(schema.Response, member, {})[0]);
  }
});
