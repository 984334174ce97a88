import assert from 'node:assert/strict';
import { inspect, stripVTControlCharacters } from 'node:util';
import { processError } from '@vitest/utils/error';
import { createBatch, createPoint, type PointInit } from 'kapacitor-udf';
import { describe, expect, it } from 'vitest';
import { formatJsonLine } from '../../../src/recording/json-line.js';
import type { LazyPoint } from '../../../src/wire/point/lazy-point.js';

const time = 1514979051065000000n;
const init: PointInit = {
  name: 'cpu',
  time,
  tags: { host: 'a' },
  fields: { usage: 1.5, count: 5n, state: 'up', ok: true, none: NaN },
};
const point = createPoint(init);
const batch = createBatch({
  name: 'cpu',
  time: 2n,
  tags: { host: 'a' },
  points: [{ time: 1n, fields: { v: 1n } }],
});

/** The difference that vitest prints for a failing assertion, without colours and indentation. */
function difference(assertion: () => void): string[] {
  try {
    assertion();
  } catch (error) {
    const { diff = '' } = processError(error) as { diff?: string };
    return stripVTControlCharacters(diff)
      .split('\n')
      .map((line) => line.replace(/ +/g, ' '));
  }
  throw new Error('the assertion holds');
}

describe('a point', () => {
  it('shows its name, time, tags and fields to console.log', () => {
    const shown = "{ name: 'cpu', time: 1n, tags: { host: 'a' }, fields: { count: 5n } }";
    const subject = createPoint({ name: 'cpu', time: 1n, tags: { host: 'a' }, fields: { count: 5n } });
    expect(inspect(subject, { breakLength: Infinity })).toBe(`Point ${shown}`);
  });

  it('is a line of JSON Lines as JSON, with integers and times as text', () => {
    const json =
      '{"time":"1514979051065000000","name":"cpu","tags":{"host":"a"},' +
      '"fields":{"state":"up","count":{"int":"5"},"usage":1.5,"none":{"double":"NaN"},"ok":true}}';
    expect(JSON.stringify(point)).toBe(json);
    expect(JSON.stringify({ points: [point] })).toBe(`{"points":[${json}]}`);
    expect(String(point as unknown)).toBe(json);
    expect(formatJsonLine(point as unknown as LazyPoint)).toBe(json);
  });

  const subject = createPoint({ name: 'cpu', time: 1n, fields: { usage: 1, count: 5n } });

  it('that fails toEqual gives a difference that shows it', () => {
    const lines = difference(() => {
      expect([subject]).toEqual([{ name: 'cpu', fields: { usage: 2, count: 5n } }]);
    });
    expect(lines).toEqual(
      expect.arrayContaining(['- "usage": 2,', '+ "usage": 1,', ' "count": 5n,', '+ "time": 1n,']),
    );
  });

  it('that fails toMatchObject gives a difference that shows it', () => {
    expect([subject]).toMatchObject([{ name: 'cpu', fields: { usage: 1 } }]);
    const lines = difference(() => {
      expect([subject]).toMatchObject([{ name: 'cpu', fields: { usage: 2, count: 5n } }]);
    });
    expect(lines).toEqual(
      expect.arrayContaining(['- "usage": 2,', '+ "usage": 1,', ' "count": 5n,', ' "name": "cpu",']),
    );
  });

  it('that differs from another one gives a difference of just what differs', () => {
    const lines = difference(() => {
      expect(subject).toEqual(subject.withField('count', 6n));
    });
    expect(lines.filter((line) => /^[-+] "/.test(line))).toEqual(['- "count": 6n,', '+ "count": 5n,']);
  });

  it('has its values in a snapshot', () => {
    expect(createPoint({ name: 'cpu', time: 1n, tags: { host: 'a' }, fields: { n: 5n } }))
      .toMatchInlineSnapshot(`
      Point {
        "fields": {
          "n": 5n,
        },
        "name": "cpu",
        "tags": {
          "host": "a",
        },
        "time": 1n,
      }
    `);
  });

  it('equals another one exactly if all values are equal, wherever their bytes lie and in whatever order', () => {
    const { usage, ...others } = init.fields;
    const same = createPoint({ ...init, fields: { ...others, usage: usage! } });
    expect(same).toEqual(point);
    expect([same]).toStrictEqual([point]);
    assert.deepEqual(same, point);
    for (const other of [
      point.withTime(1n),
      point.withName('mem'),
      point.withTag('host', 'b'),
      point.withField('usage', 2),
      point.withField('count', 5),
      point.withField('ok', 'true'),
      point.withDatabase('db'),
      point.withRetentionPolicy('rp'),
      point.withDimensions(['host']),
      point.withDimensions([], true),
    ]) {
      expect(other).not.toEqual(point);
      expect([other]).not.toStrictEqual([point]);
      assert.notDeepEqual(other, point);
    }
    expect(point.withField('usage', 0)).not.toEqual(point.withField('usage', -0));
  });

  it('sends its own bytes whatever JavaScript writes to it', () => {
    const subject = createPoint(init);
    const garbage = { buf: Buffer.from('garbage'), frame: 0, body: 1, end: 7, sections: () => ({}) };
    Object.assign(subject, garbage);
    expect(subject.withField('more', 1).fields).toEqual({ ...init.fields, more: 1 });
    expect(createBatch({ name: 'b', time, points: [subject] }).points[0]!.fields).toEqual(init.fields);
  });
});

describe('a batch', () => {
  it('shows its head and its points to console.log', () => {
    const text = inspect(batch, { depth: 5 });
    for (const part of ['Batch {', "name: 'cpu'", "host: 'a'", 'points: [', 'Point {', 'v: 1n'])
      expect(text).toContain(part);
  });

  it('is a line of JSON Lines as JSON', () => {
    const json =
      '{"time":"2","name":"cpu","tags":{"host":"a"},"points":[{"time":"1","tags":{},"fields":{"v":{"int":"1"}}}]}';
    expect(JSON.stringify(batch)).toBe(json);
    expect(String(batch as unknown)).toBe(json);
  });

  it('cannot be given other points in place, which would make its announced size untrue', () => {
    const writable = batch as unknown as { points: unknown[] }; // as JavaScript sees it
    expect(() => writable.points.push(point)).toThrow(TypeError);
    expect(() => {
      writable.points = [];
    }).toThrow(TypeError);
  });

  it('equals another one exactly if all of it and of its points is equal', () => {
    expect(batch.withTime(2n)).toEqual(batch);
    expect(batch.withTime(3n)).not.toEqual(batch);
    expect(batch.withPoints([{ time: 1n, fields: { v: 2n } }])).not.toEqual(batch);
  });
});
