import fc from 'fast-check';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { UdfError } from '../../src/model/errors.js';
import type { RecordedItem, RecordingFormat } from '../../src/recording/format.js';
import { PointMaker } from '../../src/recording/point-maker.js';
import { plain, readAll, readText, written } from '../support/recording-files.js';
import { tempDirForFile } from '../support/temp-dir.js';
import { valueArbitrary } from '../support/udf-arbitraries.js';

const maker = new PointMaker({});
const [least, most] = [-(2n ** 63n), 2n ** 63n - 1n];
/** Text that UTF-8 can hold, often with what the formats give a meaning. */
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.string({
    unit: fc.constantFrom(' ', ',', '=', '"', '\\', '\n', '\t', '\r', '#', ';', ':', '|', 'ä', '🙂', 'a'),
    maxLength: 12,
  }),
  fc.constantFrom('', 'SHOWTIME', '__proto__', 'null', '0', '5i'),
);
const value = fc.oneof(
  valueArbitrary.filter((given) => typeof given !== 'string'),
  text,
  fc.constantFrom(least, most, -0, 5e-324, 1.7976931348623157e308, 1e21, 0.1),
);
const time = fc.oneof(
  fc.bigInt({ min: least, max: most }),
  fc.constantFrom(0n, -1n, least, most, least + 2n),
);
const named = text.filter((name) => name !== '');
const record = <Value>(arbitrary: fc.Arbitrary<Value>) => fc.dictionary(named, arbitrary, { maxKeys: 4 });

const points = fc
  .record({
    name: text,
    database: text,
    retentionPolicy: text,
    tags: record(text),
    fields: record(value),
    time,
  })
  .map(({ name, tags, fields, time, ...where }) => maker.point(name, tags, fields, time, where));
const batches = fc
  .record({
    name: named,
    tags: record(text),
    byName: fc.boolean(),
    time,
    points: fc.array(fc.record({ time, tags: record(text), fields: record(value) }), { maxLength: 4 }),
  })
  .map((parts) => maker.batch(parts));

/** What is lost on the way through a file: nothing of what the format takes. */
async function expectKept(
  format: RecordingFormat,
  items: readonly RecordedItem[],
  kept: (item: RecordedItem) => object = plain,
): Promise<number> {
  const taken: RecordedItem[] = [];
  for (const item of items) {
    try {
      await written(format, [item], { compress: false });
      taken.push(item);
    } catch (reason) {
      expect(reason).toBeInstanceOf(UdfError);
      expect((reason as UdfError).message).toMatch(/cannot hold|holds? points|needs a field/);
    }
  }
  const bytes = await written(format, taken, { compress: false });
  const back = await readText(format, bytes, {}, 11);
  expect(back.map(plain)).toEqual(taken.map(kept));
  return taken.length;
}

const withoutWhereabouts = (item: RecordedItem): object => ({
  ...plain(item),
  database: '',
  retentionPolicy: '',
});

describe('what is written is what is read', () => {
  it('in JSON Lines, whatever the points and batches are', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(
            points.filter(({ name }) => name !== ''),
            batches,
          ),
          { maxLength: 5 },
        ),
        async (items) => {
          expect(await expectKept('jsonl', items)).toBe(items.length);
        },
      ),
    );
  });

  it('in CSV, whatever the points are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(points, { maxLength: 5 }), async (items) => {
        const possible = items.filter(({ name, tags }) => name !== '' && !Object.values(tags).includes(''));
        expect(await expectKept('csv', items)).toBe(possible.length);
      }),
    );
  });

  it('in line protocol, or the writer says what it cannot hold', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(points, { maxLength: 5 }), async (items) => {
        await expectKept('lp', items, withoutWhereabouts);
      }),
    );
  });

  it("in Kapacitor's stream recordings, or the writer says what they cannot hold", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(points, { maxLength: 5 }), async (items) => {
        await expectKept('srpl', items);
      }),
    );
  });

  it("in Kapacitor's batch recordings, but for what Kapacitor itself puts right", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(batches, { maxLength: 5 }), async (items) => {
        await expectKept('brpl', items, (item) => {
          const batch = plain(item) as {
            tags: object;
            time: bigint;
            points: { tags: object; time: bigint }[];
          };
          const last = batch.points.at(-1)?.time;
          return {
            ...batch,
            time: last !== undefined && last > batch.time ? last : batch.time,
            points: batch.points.map((point) =>
              Object.keys(point.tags).length > 0 ? point : { ...point, tags: batch.tags },
            ),
          };
        });
      }),
    );
  });
});

describe('an empty name', () => {
  const [tags, fields] = [{ '': 'x' }, { '': 1 }];
  it.each([
    ['a point', maker.point('', {}, { v: 1 }, 1n, {})],
    ['a tag', maker.point('m', tags, { v: 1 }, 1n, {})],
    ['a field', maker.point('m', {}, fields, 1n, {})],
  ])('of %s is not written: no reader takes it', async (what, item) => {
    for (const format of ['lp', 'srpl', 'jsonl', 'csv'] as const) {
      await expect(written(format, [item]), format).rejects.toThrow(
        /cannot hold .*(without a name|is empty)/,
      );
    }
    const batch = maker.batch({ name: 'm', tags: {}, byName: false, time: 1n, points: [item] });
    if (what !== 'a point')
      await expect(written('brpl', [batch])).rejects.toThrow(`cannot hold ${what} without a name`);
  });
});

describe('a compressed file', () => {
  const directory = tempDirForFile();

  it.each(['lp', 'srpl', 'jsonl', 'csv', 'brpl'] as const)(
    'of %s is read as what it was made of',
    async (format) => {
      const items = Array.from({ length: 5_000 }, (_, index) => {
        const [tags, fields] = [{ host: `h${index % 7}` }, { value: index / 8, state: `ß${index}` }];
        const time = 1_514_979_051_065_000_000n + BigInt(index);
        if (format !== 'brpl') return maker.point('m', tags, fields, time, {});
        return maker.batch({ name: 'm', tags, byName: false, time, points: [{ time, tags, fields }] });
      });
      const file = join(directory, `recording.${format}`);
      writeFileSync(file, await written(format, items, { compress: true }));
      expect((await readAll(file)).map(plain)).toEqual(items.map(plain));
    },
  );
});

describe('a value that a format cannot hold', () => {
  const point = (fields: Record<string, number | bigint | string>) => maker.point('m', {}, fields, 0n, {});
  const batch = (fields: Record<string, number | bigint>) =>
    maker.batch({ name: 'm', tags: {}, byName: false, time: 0n, points: [{ time: 0n, tags: {}, fields }] });

  it.each([
    ['lp', point({ v: NaN }), 'line protocol cannot hold NaN, the value of field "v"'],
    ['lp', batch({}), 'line protocol holds points, not batches'],
    [
      'srpl',
      point({ v: 'a\nb' }),
      'a .srpl recording cannot hold a newline in a text: Kapacitor reads a point from one line',
    ],
    [
      'srpl',
      point({ v: 'x'.repeat(70_000) }),
      'a .srpl recording cannot hold a point of 70009 bytes: Kapacitor reads at most 65536',
    ],
    ['srpl', batch({}), 'a .srpl recording cannot hold a batch; write it to a .brpl recording'],
    [
      'brpl',
      batch({ n: 5n }),
      'a .brpl recording cannot hold the integer 5 of field "n": Kapacitor would read it as a double',
    ],
    ['brpl', batch({ n: Infinity }), 'a .brpl recording cannot hold Infinity, the value of field "n"'],
    [
      'brpl',
      point({ v: 1 }),
      'a .brpl recording cannot hold a point outside a batch; write it to a .srpl recording',
    ],
    ['csv', batch({}), 'CSV holds points, not batches'],
  ] as const)('is refused by %s with what it is and where', async (format, item, message) => {
    const what = 'points' in item ? 'batch' : 'point';
    const told = `${message} (the ${what} of group "" at 0); JSON Lines can hold it`;
    await expect(written(format, [item])).rejects.toThrow(
      expect.objectContaining({ code: 'invalid_argument', message: told }),
    );
  });
});
