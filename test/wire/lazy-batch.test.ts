import assert from 'node:assert/strict';
import fc from 'fast-check';
import Long from 'long';
import { describe, expect, it } from 'vitest';
import { FrameOutput } from '../../src/wire/frame-output.js';
import { LazyBatch } from '../../src/wire/lazy-batch.js';
import { LazyPoint } from '../../src/wire/point/lazy-point.js';
import { decodeRequest, encodeRequest, type Request } from '../../src/wire/messages.js';
import { payloads } from '../support/frames.js';
import { pointArbitrary } from '../support/generators.js';
import { frameOf, lazyPoint } from '../support/lazy-points.js';
import { propertyTimeout, runs } from '../support/runs.js';

const head = { name: 'cpu', group: 'host=a', tags: { host: 'a' }, byName: true };

/** The frames that a batch goes out as. */
function written(batch: LazyBatch): Buffer {
  const output = new FrameOutput();
  batch.writeTo(output);
  return Buffer.concat(output.take());
}

const messages = (batch: LazyBatch): Request[] => payloads([written(batch)]).map(decodeRequest);

/** A batch with the frames that it came in. */
function received(points: readonly LazyPoint[]): { batch: LazyBatch; bytes: Buffer } {
  const begin = encodeRequest({ kind: 'begin', ...head, size: BigInt(points.length) });
  const end = encodeRequest({ kind: 'end', ...head, tmax: 7n });
  const bytes = Buffer.concat([begin, ...points.map(frameOf), end]);
  const slice = (buf: Buffer) => ({ buf, start: 0, end: buf.length });
  return { batch: new LazyBatch(head, 7n, points, slice(begin), slice(end)), bytes };
}

describe('a batch', { timeout: propertyTimeout }, () => {
  it('that is not changed goes out as the bytes that it came in', () => {
    fc.assert(
      fc.property(fc.array(pointArbitrary, { maxLength: 5 }), (bodies) => {
        const { batch, bytes } = received(bodies.map(lazyPoint));
        assert.deepEqual(written(batch), bytes);
      }),
      runs(100),
    );
  });

  const { batch } = received([1, 2, 3].map((value) => LazyPoint.create(pointHead(BigInt(value)), { value })));

  it('with other points begins with their true number', () => {
    const kept = batch.points.filter((point) => point.field('value') !== 2);
    const [begin, ...rest] = messages(
      batch.withPoints([...kept, { time: 9n, tags: { host: 'a' }, fields: { value: 4n } }]),
    );
    expect(begin).toEqual({ kind: 'begin', ...head, size: 3n });
    expect(rest.map((message) => message.kind)).toEqual(['point', 'point', 'point', 'end']);
    expect(rest[2]).toMatchObject({
      time: 9n,
      group: 'host=a',
      tags: { host: 'a' },
      fieldsInt: { value: 4n },
    });
    expect(rest[2]).toMatchObject({
      name: '',
      database: '',
      retentionPolicy: '',
      dimensions: [],
      byName: false,
    });
    expect(rest[3]).toEqual({ kind: 'end', ...head, tmax: 7n });
  });

  it('without points is a begin of size 0 and an end', () => {
    expect(messages(batch.withPoints([]))).toEqual([
      { kind: 'begin', ...head, size: 0n },
      { kind: 'end', ...head, tmax: 7n },
    ]);
  });

  it('with another name, tags or time says so in its begin and end, and leaves the original as it was', () => {
    const before = written(batch);
    const changed = batch.withName('memory').withTags({ host: 'b' }).withTime(Long.fromNumber(8));
    const all = messages(changed);
    const other = { ...head, name: 'memory', tags: { host: 'b' } };
    expect(all[0]).toEqual({ kind: 'begin', ...other, size: 3n });
    expect(all.at(-1)).toEqual({ kind: 'end', ...other, tmax: 8n });
    expect([changed.name, changed.tags, changed.time]).toEqual(['memory', { host: 'b' }, 8n]);
    expect(written(batch)).toEqual(before);
  });

  it('keeps the tags that withTag and withTags do not name, and none with replaceTags', () => {
    expect(batch.withTag('city', 'Köln').tags).toEqual({ host: 'a', city: 'Köln' });
    expect(batch.withTags({ host: 'b', city: 'Köln' }).tags).toEqual({ host: 'b', city: 'Köln' });
    const replaced = batch.replaceTags({ city: 'Köln' });
    expect(replaced.tags).toEqual({ city: 'Köln' });
    expect(messages(replaced).at(-1)).toMatchObject({ kind: 'end', tags: { city: 'Köln' } });
  });

  it('refuses an empty name', () => {
    for (const [change, message] of [
      [() => batch.withName(''), "a batch's name must not be empty"],
      [() => batch.withTag('', 'a'), "a tag's name must not be empty"],
      [() => batch.withTags({ '': 'a' }), "a tag's name must not be empty"],
      [() => batch.replaceTags({ '': 'a' }), "a tag's name must not be empty"],
      [() => batch.withPoints([{ time: 1n, fields: { '': 1 } }]), "a field's name must not be empty"],
      [
        () => batch.withPoints([{ time: 1n, tags: { '': 'a' }, fields: {} }]),
        "a tag's name must not be empty",
      ],
    ] as const) {
      expect(change).toThrow(expect.objectContaining({ code: 'invalid_argument', message }));
    }
  });

  it('can be made anew', () => {
    const made = LazyBatch.create(head, 5n, [{ time: 1n, fields: { a: true } }, batch.points[0]!]);
    expect(messages(made).map((message) => message.kind)).toEqual(['begin', 'point', 'point', 'end']);
    expect(made.points[0]?.fields).toEqual({ a: true });
  });

  it.each([
    [
      'a time of another type',
      { time: 5 },
      "a batch's time must be nanoseconds as a bigint or a Long, got a number; of milliseconds, it is BigInt(milliseconds) * 1_000_000n",
    ],
    ['a time beyond int64', { time: 2n ** 63n }, "a batch's time does not fit an int64: 9223372036854775808"],
    ['a name that is no text', { name: 7 }, "a batch's name must be a string, got number"],
    ['a tag that is no text', { tags: { host: 7 } }, 'tag "host" must be a string, got number'],
  ])('refuses %s', (_, wrong, message) => {
    const {
      time = 1n,
      name,
      tags,
    } = wrong as { time?: bigint; name?: string; tags?: Record<string, string> };
    const given = { ...head, ...(name !== undefined && { name }), ...(tags && { tags }) };
    const changes = [
      () => LazyBatch.create(given, time, []),
      () => batch.withTime(time).withName(given.name).withTags(given.tags),
    ];
    for (const change of changes) {
      expect(change).toThrow(expect.objectContaining({ code: 'invalid_argument', message }));
    }
  });

  it.each([
    ['undefined', undefined, "a batch's point must be an object, got undefined"],
    ['null', null, "a batch's point must be an object, got null"],
    ['a number', 5, "a batch's point must be an object, got number"],
    [
      'one without a time',
      { fields: {} },
      "a point's time must be nanoseconds as a bigint or a Long, got undefined",
    ],
    ['one with a field that is none', { time: 1n, fields: { a: null } }, 'field "a" cannot be null'],
  ])('refuses a point that is %s', (_, point, message) => {
    expect(() => batch.withPoints([point as never])).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }),
    );
    expect(() => batch.withPoints([point as never])).toThrow(message);
  });
});

function pointHead(time: bigint) {
  return {
    time,
    name: '',
    database: '',
    retentionPolicy: '',
    group: '',
    dimensions: [],
    tags: {},
    byName: false,
  };
}
