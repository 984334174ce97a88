import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openRecording } from '../../src/recording/open.js';
import { plain, readAll, readText } from '../support/recording-files.js';
import { tempDir } from '../support/temp-dir.js';

const recorded = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const point = (fields: object, more: object = {}): object => ({
  name: 'm',
  database: '',
  retentionPolicy: '',
  tags: {},
  fields,
  time: 1n,
  ...more,
});

describe('a recording that Kapacitor made', () => {
  it('of a stream gives its points with database and retention policy', async () => {
    const items = await readAll(recorded('udfs/edge-detect/recordings/kapacitor-1.5.7-adsl.srpl'));
    expect(items).toHaveLength(17);
    expect(plain(items[0]!)).toEqual({
      name: 'adsl_connection',
      database: 'telegraf',
      retentionPolicy: 'autogen',
      tags: { host: 'router1' },
      fields: { value: 'SHOWTIME' },
      time: 1514979051065000000n,
    });
    expect(items[0]).toMatchObject({ group: 'host=router1', dimensions: ['host'] });
  });

  it('of batches gives them, plain as well as zipped', async () => {
    const zipped = await readAll(recorded('udfs/outliers/recordings/kapacitor-1.5.7-cpu.brpl'));
    expect(zipped.length).toBeGreaterThan(0);
    expect(zipped[0]).toMatchObject({ name: 'cpu', group: 'dc=a,host=h0', time: 1795344780000000000n });
  });
});

describe('line protocol', () => {
  it('has every boolean spelling, integers, escapes, newlines in quotes, and comments', async () => {
    const text =
      '# a comment with "quotes\n' +
      'm\\ 1,ta\\,g=v\\=1 a=t,b=T,c=true,d=True,e=TRUE,f=f,g=FALSE,h=5i,i="say \\"hi\\"\n\\\\" 1\r\n\n   m v=1e3 2';
    const items = await readText('lp', text);
    expect(items.map(plain)).toEqual([
      point(
        { a: true, b: true, c: true, d: true, e: true, f: false, g: false, h: 5n, i: 'say "hi"\n\\' },
        { name: 'm 1', tags: { 'ta,g': 'v=1' } },
      ),
      point({ v: 1000 }, { time: 2n }),
    ]);
  });

  it('may have lines over 64 KiB', async () => {
    const long = 'x'.repeat(300_000);
    const items = await readText('lp', `m v="${long}" 1\nm v=2 1`, {}, 4096);
    expect(items.map(plain)).toEqual([point({ v: long }), point({ v: 2 })]);
  });

  it.each([1, 2, 3, 99])(
    'may have byte order marks at the start of lines, read %d bytes at a time',
    async (bytes) => {
      const items = await readText('lp', '\uFEFFm v=1 1\n\uFEFFm v=2 2', {}, bytes);
      expect(items.map(plain)).toEqual([point({ v: 1 }), point({ v: 2 }, { time: 2n })]);
    },
  );

  it('without a time has that of the reading, as a database gives it', async () => {
    expect((await readText('lp', 'm v=1', { now: 5n })).map(({ time }) => time)).toEqual([5n]);
  });

  it('is grouped by what is asked for', async () => {
    const [one] = await readText('lp', 'm,b=2,a=1 v=1 1', { groupBy: ['b'], byName: true });
    expect(one).toMatchObject({ group: 'm\nb=2', dimensions: ['b'], byName: true });
  });
});

describe('what other programs write', () => {
  it('in CSV may leave types to the values', async () => {
    const csv =
      '\uFEFFmeasurement,tag:host,value,on,n,note,time\r\nm,a,0.5,true,5i,"x\ny",2018-01-03T11:30:51.065Z\r\nm,,,,,"",1\r\n';
    expect((await readText('csv', csv)).map(plain)).toEqual([
      point(
        { value: 0.5, on: true, n: 5n, note: 'x\ny' },
        { tags: { host: 'a' }, time: 1514979051065000000n },
      ),
      point({ note: '' }),
    ]);
  });

  it('in CSV has no prefix that is not known: the header says which it may be meant to be', async () => {
    const read = (column: string) => readText('csv', `name,${column},time\nm,1,1\n`, { name: 'a.csv' });
    for (const [column, hint] of [
      ['flot:x', ' (did you mean double:?)'],
      ['doubel:x', ' (did you mean double:?)'],
      ['integer:x', ' (did you mean int:?)'],
      ['Tag:x', ' (did you mean tag:?)'],
      ['colour:x', ''],
      [':x', ''],
    ] as const) {
      const known = 'tag:, double:, int:, string:, bool:, field:';
      await expect(read(column), column).rejects.toThrow(
        new RegExp(
          `^a\\.csv, line 1: the column "${column}" has an unknown prefix${hint.replace(/[()?]/g, '\\$&')}; the known ones are ${known}, and "field:${column}" is a field of that name$`,
        ),
      );
      expect((await read(`field:${column}`)).map(plain)).toEqual([point({ [column]: 1 })]);
    }
  });

  it('in batches may have null fields, no tags on points and no time of their own', async () => {
    const entry =
      '{"name":"m","tmax":"0001-01-01T00:00:00Z","tags":{"host":"a"},"points":[{"fields":{"v":5,"w":null},"tags":null,"time":"2018-01-03T12:30:51.065+01:00"}]}';
    const time = 1514979051065000000n;
    expect((await readText('brpl', entry)).map(plain)).toEqual([
      {
        name: 'm',
        tags: { host: 'a' },
        byName: false,
        time,
        points: [{ time, tags: { host: 'a' }, fields: { v: 5 } }],
      },
    ]);
  });
});

describe('a malformed entry', () => {
  const cases = [
    ['lp', 'm v=1 1\nm v=x 2\nm v="a\nb" 3\nm v 4\nm v=5 5', [2, 5]],
    ['srpl', 'db\nrp\nm v=1 1\ndb\nrp\nm v= 2\ndb\nrp\nm v=3 3\ndb\n', [6, 10]],
    ['jsonl', '{"name":"m","fields":{"v":1},"time":"1"}\n{"name":"m"\n{"fields":{},"time":"1"}', [2, 3]],
    ['brpl', '{"name":"m"}\n[]\n', [2]],
    ['csv', 'name,int:v,time\nm,1,1\nm,x,1\nm,1\nm,5,1\n', [3, 4]],
  ] as const;

  it.each(cases)(
    'of %s stops the reading with file, line and what is wrong',
    async (format, text, [first]) => {
      await expect(readText(format, text, { name: 'a.file' })).rejects.toThrow(
        expect.objectContaining({
          code: 'malformed',
          message: expect.stringMatching(`^a\\.file, line ${first}: .`) as string,
        }),
      );
    },
  );

  it.each(cases)('of %s is left out and counted if that is wanted', async (format, text, lines) => {
    const told: string[] = [];
    const recording = await openRecording(Readable.from([Buffer.from(text)]), {
      format,
      name: 'a',
      skipBad: true,
      onBad: ({ message }) => told.push(message),
    });
    let count = 0;
    for await (const items of recording) count += items.length;
    expect(told.map((message) => Number(/line (\d+)/.exec(message)?.[1]))).toEqual(lines);
    expect(recording.skipped).toBe(lines.length);
    expect(count).toBeGreaterThan(0);
  });
});

describe('a file that cannot be read', () => {
  it.each([
    ['is not there', 'none.lp', undefined, /^cannot read .*none\.lp: there is no such file$/],
    ['has a name without a format', 'file.dat', 'm v=1', /^the name file\.dat shows no known format; /],
    [
      'ends inside its gzip data',
      'a.lp.gz',
      gzipSync('m v=1 1\n'.repeat(99)).subarray(0, 30),
      /a\.lp\.gz: its gzip data is damaged: unexpected end of file$/,
    ],
    [
      'ends inside its zip data',
      'a.brpl',
      Buffer.from('PK\u0003\u0004 and no more'),
      /a\.brpl: its zip data is damaged: /,
    ],
  ])('because it %s is named with the reason', async (_, name, content, message) => {
    const file = join(tempDir(), name);
    if (content !== undefined) writeFileSync(file, content);
    await expect(readAll(file)).rejects.toThrow(message);
  });

  it('as a stream can be one that is compressed', async () => {
    const bytes = readFileSync(recorded('udfs/edge-detect/recordings/kapacitor-1.5.7-adsl.srpl'));
    expect(await readText('srpl', bytes)).toHaveLength(17);
  });
});
