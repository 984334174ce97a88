import fc from 'fast-check';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { RecordingFormat } from '../../src/recording/format.js';
import { type OpenOptions, openRecording } from '../../src/recording/open.js';
import { readLinePoints } from '../../src/recording/read-lines.js';
import { TimeParser } from '../../src/recording/times.js';
import { readText } from '../support/recording-files.js';
import { tempDir } from '../support/temp-dir.js';

/** The points of a text as `name tags fields time`, and what was reported of it. */
async function read(format: RecordingFormat, text: string | Buffer, options: OpenOptions = {}) {
  const told: string[] = [];
  const items = await readText(format, text, {
    name: 'f',
    skipBad: true,
    onBad: ({ message }) => told.push(message),
    onWarning: (warning) => told.push(warning),
    now: 99n,
    ...options,
  });
  const points = items.map((item) => {
    if ('points' in item) throw new Error('a batch');
    const { name, tags, fields, time } = item;
    return { name, ...(Object.keys(tags).length > 0 && { tags }), fields, time };
  });
  return { points, told };
}

describe('line protocol', () => {
  it('has the last value of a field that is given twice, as InfluxDB does', async () => {
    const { points } = await read('lp', 'm v=1,w=5,v=2 1\nm v=3,w=6,v=4 2');
    expect(points.map(({ fields }) => fields)).toEqual([
      { v: 2, w: 5 },
      { v: 4, w: 6 },
    ]);
  });

  it('loses only the lines whose quotes are not closed', async () => {
    const text =
      'log,h=a msg="cut off 1\ntemp v=2 2\ntemp v=3 3\nlog,h=a msg="cut off again 5\ntemp v=6 6\nlog msg="cut 7\ntemp v=8 8';
    const { points, told } = await read('lp', text);
    expect(points.map(({ time }) => time)).toEqual([2n, 3n, 6n, 8n]);
    expect(told).toEqual([
      expect.stringMatching(/^f, line 1: the text of field "msg" has no closing quote/),
      expect.stringMatching(/^f, line 4: /),
      expect.stringMatching(/^f, line 6: /),
    ]);
  });

  it('may end in a text over several lines, without a newline', async () => {
    const { points, told } = await read('lp', 'sys up=1i 1\nsys note="first\nsecond" 2');
    expect(points.map(({ fields }) => fields)).toEqual([{ up: 1n }, { note: 'first\nsecond' }]);
    expect(told).toEqual([]);
  });

  it('keeps every whole line, wherever quotes are left open', async () => {
    const whole = fc.nat(9).map((n) => ({ text: `m v=${n} 1`, isWhole: true }));
    const open = fc.constantFrom('m s="a 1', 'm s="a,b=c 1').map((text) => ({ text, isWhole: false }));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(whole, open), { maxLength: 8 }), async (lines) => {
        const { points, told } = await read('lp', lines.map(({ text }) => text).join('\n'));
        expect(points).toHaveLength(lines.filter(({ isWhole }) => isWhole).length);
        expect(told).toHaveLength(lines.filter(({ isWhole }) => !isWhole).length);
      }),
    );
  });

  it('in a stream waits for a quote no longer than a while', async () => {
    const stream = new PassThrough();
    const told: string[] = [];
    const recording = await (() => {
      stream.write('m v=1 1\nm s="open 2\nm v=3 3\n');
      return openRecording(stream, {
        format: 'lp',
        name: 'f',
        skipBad: true,
        onBad: ({ message }) => told.push(message),
      });
    })();
    const times: bigint[] = [];
    for await (const items of recording) {
      times.push(...items.map(({ time }) => time));
      if (times.length === 2) break; // the stream has not ended
    }
    expect(times).toEqual([1n, 3n]);
    expect(told).toEqual([expect.stringMatching(/^f, line 2: /)]);
  });

  it('has times of the unit that is asked for', async () => {
    const { points } = await read('lp', 'm v=1 1700000000\n', { precision: 's' });
    expect(points[0]!.time).toBe(1700000000000000000n);
    expect((await read('lp', 'm v=1 9999999999999\n', { precision: 'h' })).told[0]).toMatch(
      /beyond what a time/,
    );
  });
});

describe('bytes that are not UTF-8', () => {
  const latin1: Readonly<Record<string, string>> = {
    lp: 'm v=1 1\nroom,loc=K\xfcche t=2 2\nm v=3 3\n',
    srpl: 'db\nrp\nm v=1 1\ndb\nrp\nm s="\xfc" 2\ndb\nrp\nm v=3 3\n',
    csv: 'name,time,string:s\nm,1,a\nm,2,K\xfcche\nm,3,c\n',
    jsonl:
      '{"name":"m","time":"1","fields":{"s":"a"}}\n{"name":"m","time":"2","fields":{"s":"\xfc"}}\n{"name":"m","time":"3","fields":{"s":"c"}}\n',
  };

  it.each(['lp', 'srpl', 'csv', 'jsonl'] as const)('of %s are refused by their line', async (format) => {
    const { points, told } = await read(format, Buffer.from(latin1[format]!, 'latin1'));
    expect(points.map(({ time }) => time)).toEqual([1n, 3n]);
    const line = { lp: 2, srpl: 6, csv: 3, jsonl: 2 }[format];
    expect(told).toEqual([
      `f, line ${line}: it has bytes that are not UTF-8; set their encoding with --encoding`,
    ]);
  });

  it('are read by the encoding that is named, and refused where that does not have them', async () => {
    const csv = latin1.csv!;
    const { points } = await read('csv', Buffer.from(csv, 'latin1'), { encoding: 'windows-1252' });
    expect(points[1]!.fields).toEqual({ s: 'Küche' });
    const utf16 = await read('csv', Buffer.from(`\uFEFF${csv}`, 'utf16le'), { encoding: 'utf-16le' });
    expect(utf16.points).toHaveLength(3);
    const japanese = await read('lp', Buffer.from('m s="\xff\xff" 1\nm v=2 2\n', 'latin1'), {
      encoding: 'shift_jis',
    });
    expect([japanese.points.length, japanese.told.length]).toEqual([1, 1]);
  });

  it.each(['lp', 'srpl', 'csv', 'jsonl'] as const)(
    'of %s that begin with the byte order mark of UTF-16 are read as that',
    async (format) => {
      const little = Buffer.from(`\uFEFF${latin1[format]!}`, 'utf16le');
      for (const bytes of [little, Buffer.from(little).swap16()]) {
        const { points, told } = await read(format, bytes);
        expect(points.map(({ time }) => time)).toEqual([1n, 2n, 3n]);
        expect(told).toEqual([]);
      }
    },
  );
});

describe('times', () => {
  it.each([
    '2024-02-30T00:00:00Z',
    '2024-04-31T12:00:00Z',
    '2023-02-29T00:00:00+02:00',
    '2024-13-01T00:00:00Z',
    '2024-01-01T24:00:00Z',
    '2024-01-01T00:60:00Z',
    '2024-01-01T00:00:61Z',
    '2024-01-01T00:00:00+25:00',
    '2500-01-01T00:00:00Z',
    '2024-01-01T00:00:00',
    '99999999999999999999',
  ])('such as %s are refused in every format', async (time) => {
    for (const [format, text] of [
      ['csv', `name,time,v\nm,${time},1\n`],
      ['jsonl', `{"name":"m","fields":{"v":1},"time":"${time}"}`],
      ['brpl', `{"name":"m","points":[{"fields":{"v":1},"time":"${time}"}]}`],
    ] as const) {
      await expect(readText(format, text), format).rejects.toThrow(`"${time}" is `);
    }
  });

  it('that exist are read as JavaScript reads them', () => {
    const parser = new TimeParser();
    fc.assert(
      fc.property(
        fc.date({ min: new Date('1700-01-01'), max: new Date('2262-01-01'), noInvalidDate: true }),
        (date) => {
          expect(parser.parse(date.toISOString())).toBe(BigInt(date.getTime()) * 1_000_000n);
        },
      ),
    );
  });

  it('with a format have up to nine decimals', () => {
    const parser = new TimeParser({ timeFormat: 'dd.MM.yyyy HH:mm:ss.u', timeZone: 'UTC' });
    expect(parser.parse('03.01.2018 11:30:51.065123456')).toBe(1514979051065123456n);
    expect(() => parser.parse('30.02.2018 11:30:51.065')).toThrow('there is no such date');
    const german = new TimeParser({ timeFormat: 'dd.MM.yyyy HH:mm', timeZone: 'Europe/Berlin' });
    expect(german.parse('03.01.2018 12:30')).toBe(1514979000000000000n);
  });

  it('in an hour that comes twice follow the order of the file, and are counted', () => {
    const parser = new TimeParser({ timeZone: 'Europe/Berlin' });
    const utc = ['01:45', '02:00', '02:30', '02:00', '02:30', '03:00'].map((time) =>
      new Date(Number(parser.parse(`2024-10-27 ${time}`) / 1_000_000n)).toISOString().slice(11, 16),
    );
    expect(utc).toEqual(['23:45', '00:00', '00:30', '01:00', '01:30', '02:00']);
    expect(parser.warnings).toEqual([
      expect.stringMatching(/^4 times in an hour that Europe\/Berlin has twice/),
    ]);
  });

  it('in an hour that is skipped are refused', () => {
    const parser = new TimeParser({ timeZone: 'Europe/Berlin' });
    expect(() => parser.parse('2024-03-31T02:30:00')).toThrow(
      '"2024-03-31T02:30:00" does not exist in Europe/Berlin',
    );
    expect(parser.parse('2024-03-31T03:00:00')).toBe(1_711_846_800_000_000_000n);
  });

  it.each([
    [{ timeZone: 'Mars/X' }, 'the time zone Mars/X is unknown'],
    [{ timeFormat: 'dd.MM.yyyy' }, 'has no zone'],
    [{ timeFormat: 'HH:mm', timeZone: 'UTC' }, 'cannot be read by the format HH:mm'],
    [{ delimiter: ';;' }, 'is not one character'],
    [{ encoding: 'klingon' }, 'the encoding klingon is unknown'],
  ])('and text are not read by %o', async (options, message) => {
    await expect(readText('csv', 'name,v\n', options)).rejects.toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringContaining(message) as string }),
    );
  });

  it('and columns of other formats are no options of line protocol', async () => {
    await expect(readText('lp', 'm v=1', { delimiter: ';' })).rejects.toThrow('--delimiter is for csv');
  });
});

describe('CSV', () => {
  it('has a warning before its first point gets the present', async () => {
    const { points, told } = await read('csv', 'name,timestamp,kwh\nm,2024-03-31T00:30:00Z,1\n');
    expect(points[0]!.time).toBe(99n);
    expect(told).toEqual([expect.stringMatching(/the present as their time; .*--time-column timestamp$/)]);
    const right = await read('csv', 'name,timestamp,kwh\nm,5,1\n', { timeColumn: 'timestamp' });
    expect(right).toEqual({ points: [{ name: 'm', fields: { kwh: 1 }, time: 5n }], told: [] });
  });

  it.each([
    ['blank lines between rows', 'name,time,v\n\nm,5,1\n\nm,6,2\n', {}],
    ['carriage returns only', 'name,time,v\rm,5,1\rm,6,2\r', {}],
    ['blanks behind commas', 'name, time, v\nm, 5, 1\nm, 6, 2\n', {}],
    ['blanks around quotes', 'name, "time", v\n"m" , 5, 1\nm, "6", 2\n', {}],
    ['semicolons', 'name;time;v\nm;5;1\nm;6;2\n', { delimiter: ';' }],
    ['several tables', 'name,time,v\nm,5,1\n\ntime,name,v\n6,m,2\n', {}],
  ])('with %s has its points', async (_what, text, options) => {
    const { points, told } = await read('csv', text, options);
    expect(points).toEqual([
      { name: 'm', fields: { v: 1 }, time: 5n },
      { name: 'm', fields: { v: 2 }, time: 6n },
    ]);
    expect(told).toEqual([]);
  });

  it('takes empty quotes and markers of a typed column for missing', async () => {
    const quoted = await read(
      'csv',
      '"name","time","tag:h","double:kw","int:n"\n"m","6","","2.5","1"\n"m","7","b","","2"\n',
    );
    expect(quoted.points).toEqual([
      { name: 'm', fields: { kw: 2.5, n: 1n }, time: 6n },
      { name: 'm', tags: { h: 'b' }, fields: { n: 2n }, time: 7n },
    ]);
    const marked = await read('csv', 'name,time,double:kw,v\nm,1,?,5\nm,2,Null,6\n', {
      nullMarkers: ['?', 'Null'],
    });
    expect(marked.points.map(({ fields }) => fields)).toEqual([{ v: 5 }, { v: 6 }]);
  });

  it.each([
    ['name,time,v,v\nm,5,1,2\n', 'line 1: the column "v" is given twice'],
    ['name,time,int:v,v\nm,5,1,2\n', 'line 2: field "v" is given twice'],
    ['name,time,\nm,5,1\n', 'line 1: column 3 of the header has no name'],
    ['name,time,tag:\nm,5,1\n', 'line 1: the column "tag:" has no name behind its colon'],
    ['name,measurement,v\nm,5,1\n', 'line 1: both "name" and "measurement" are columns'],
    ['name;time;v\nm;5;1\n', 'if ";" separates its cells, set it with --delimiter'],
    ['name,time,v\nm,,1\n', 'line 2: it has no time'],
    ['name,time,v\n,5,1\n', 'line 2: it has no name'],
    ['name,time,v\nm,5,99999999999999999999i\n', 'line 2: field "v" is beyond 64 bits'],
    ['name,time,int:v\nm,5,9223372036854775808\n', 'line 2: field "v" is beyond 64 bits'],
    ['name,time,v\nm,5,1e999\n', 'line 2: field "v" is beyond what a double holds'],
  ])('%j is refused', async (text, message) => {
    await expect(readText('csv', text)).rejects.toThrow(message);
  });
});

describe("InfluxDB's annotated CSV", () => {
  const head =
    '#group,false,false,true,true,false,false,true,true,true\n' +
    '#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,TYPE,string,string,string\n' +
    '#default,_result,,,,,,,,\n' +
    ',result,table,_start,_stop,_time,_value,_field,_measurement,host\n';
  const row = (value: string, field: string): string =>
    `,,0,2018-01-01T00:00:00Z,2018-02-01T00:00:00Z,2018-01-03T11:30:51.065Z,${value},${field},cpu,a\n`;
  const time = 1514979051065000000n;

  it('has a point a record, in several tables', async () => {
    const text =
      head.replace('TYPE', 'double') +
      row('1.5', 'usage') +
      '\n' +
      head.replace('TYPE', 'long') +
      row('5', 'n');
    expect(await read('csv', text.replaceAll('\n', '\r\n'))).toEqual({
      points: [
        { name: 'cpu', tags: { host: 'a' }, fields: { usage: 1.5 }, time },
        { name: 'cpu', tags: { host: 'a' }, fields: { n: 5n }, time },
      ],
      told: [],
    });
  });

  it('may be pivoted: then columns outside the group key are fields', async () => {
    const text =
      '#group,false,false,false,true,true,false,false\n#datatype,string,long,dateTime:RFC3339,string,string,double,string\n' +
      '#default,_result,,,,,,\n,result,table,_time,_measurement,host,usage,state\n,,0,2018-01-03T11:30:51.065Z,cpu,a,1,up\n';
    expect((await read('csv', text)).points).toEqual([
      { name: 'cpu', tags: { host: 'a' }, fields: { usage: 1, state: 'up' }, time },
    ]);
  });

  it.each([
    [
      head.replace('TYPE', 'decimal') + row('1', 'v'),
      'the data type "decimal" of the column "_value" is unknown',
    ],
    [head.replace('TYPE', 'unsignedLong') + row('18446744073709551615', 'v'), 'field "v" is beyond 64 bits'],
    ['#constant,measurement,x\n', 'the annotation "#constant" is unknown'],
    [
      '#datatype,string,string\n#group,true,true\n#default,,\n,error,reference\n,failed to parse,897\n',
      'the query failed: failed to parse',
    ],
  ])('is refused where it is not understood (%#)', async (text, message) => {
    await expect(readText('csv', text)).rejects.toThrow(message);
  });
});

describe('a decimal comma in CSV', () => {
  const options = { delimiter: ';' };

  it.each(['v', 'field:v'])('warns once in the column %s, where it is read as text', async (column) => {
    const { points, told } = await read('csv', `time;name;${column}\n1;m;1.5\n2;m;1,5\n3;m;2,5\n`, options);
    expect(points.map(({ fields }) => fields.v)).toEqual([1.5, '1,5', '2,5']);
    expect(told).toEqual([
      '1,5 looks like a decimal comma in column "v", line 3: it is read as text; write a dot, or "string:v" in the header if it is text',
    ]);
  });

  it.each([
    ['double', '1,5'],
    ['double', '-1.234.567,5'],
    ['double', '1,5e3'],
    ['int', '5,0'],
  ])('is named where a %s is wanted: %s', async (kind, text) => {
    const { points, told } = await read('csv', `time;name;${kind}:v\n1;m;${text}\n`, options);
    expect(points).toEqual([]);
    expect(told).toEqual([`f, line 2: field "v" is no ${kind}: "${text}" has a decimal comma; write a dot`]);
  });

  it('is not seen in a column of text, nor in lists and words', async () => {
    const text = 'time;name;string:a;b;c;d\n1;m;1,5;1,2,3;a,5;5,\n';
    expect((await read('csv', text, options)).told).toEqual([]);
  });
});

describe('files that were joined', () => {
  const mark = '\uFEFF';

  it.each<readonly [RecordingFormat, string, string, string]>([
    ['lp', '', 'm v=1 1\n', 'm v=2 2\n'],
    ['srpl', '', 'db\nrp\nm v=1 1\n', 'db\nrp\nm v=2 2\n'],
    ['jsonl', '', '{"name":"m","time":"1","fields":{"v":1}}\n', '{"name":"m","time":"2","fields":{"v":2}}\n'],
    ['csv', 'time,name,v\n', '1,m,1\n', '2,m,2\n'],
    ['csv', 'time,name,v\n', '"1",m,1\n\n', 'time,name,v\n2,m,2\n'],
  ])('have byte order marks at the start of lines: %s', async (format, header, first, second) => {
    const { points, told } = await read(format, mark + header + first + mark + second + mark);
    expect(told).toEqual([]);
    expect(points).toEqual([
      { name: 'm', fields: { v: 1 }, time: 1n },
      { name: 'm', fields: { v: 2 }, time: 2n },
    ]);
  });

  it('keep them inside of a line', async () => {
    const { points } = await read('lp', `m s="a\n${mark}b" 1\nm,t=${mark} v=1 2`);
    expect(points).toEqual([
      { name: 'm', fields: { s: `a\n${mark}b` }, time: 1n },
      { name: 'm', tags: { t: mark }, fields: { v: 1 }, time: 2n },
    ]);
  });
});

describe('a time beyond what a time can be', () => {
  const json = (timestamp: string) => `{"name":"m","fields":{"v":1},"timestamp":${timestamp}}`;

  it.each<readonly [RecordingFormat, string, OpenOptions, string]>([
    ['jsonl', json('1700000000123'), {}, 'ms'],
    ['jsonl', json('1700000000123456'), {}, 'us'],
    ['jsonl', json('1700000000123456789'), {}, 'ns'],
    ['lp', 'm v=1 1700000000123456', { precision: 'ms' }, 'us'],
    ['csv', 'time,name,v\n1700000000123456789,m,1', { precision: 's' }, 'ns'],
  ])('gets a hint at its precision (%#)', async (format, text, options, unit) => {
    const { points, told } = await read(format, text, options);
    expect(points).toEqual([]);
    expect(told).toEqual([
      expect.stringContaining(`is beyond what a time can be; if it is in ${unit}: --precision ${unit}`),
    ]);
  });

  it('gets none where no precision makes it one of this century', async () => {
    expect((await read('jsonl', json('99999999999999'))).told).toEqual([
      'f, line 1: "99999999999999" is beyond what a time can be',
    ]);
  });
});

describe("Telegraf's JSON of several metrics", () => {
  const metric = (v: number, time: string) =>
    `{"fields":{"v":${v},"timestamp":8},"name":"m","tags":{"metrics":"[{"},"timestamp":${time}}`;
  const list = `[${metric(1, '1700000000000000002')},${metric(2, '1700000000000000001')}]`;

  it.each([
    ['metrics', `{"metrics":${list}}`],
    ['a list', list],
    ['metrics twice', `{"metrics":[${metric(7, '7')}],"metrics":${list}}`],
  ])('is read from %s, in its order, with exact times', async (_what, text) => {
    const { points, told } = await read('jsonl', `${text}\n{"metrics":[]}\n[]`, { precision: 'ns' });
    expect(told).toEqual([]);
    expect(points.map(({ fields, time }) => [fields.v, time])).toEqual([
      [1, 1700000000000000002n],
      [2, 1700000000000000001n],
    ]);
  });

  it.each([
    ['{"metrics":{}}', 'metrics must be a list, and is {}'],
    ['{"metrics":[],"name":"m"}', 'it has the unknown key "name"'],
    ['[1]', 'element 1 of the list must be an object, and is 1'],
    [`[${metric(1, '1')},{"name":"m"}]`, 'element 2 of the list: fields must be an object, and is missing'],
  ])('is refused where it is not understood: %s', async (text, message) => {
    const { points, told } = await read('jsonl', text);
    expect([points, told]).toEqual([[], [expect.stringContaining(`f, line 1: ${message}`)]]);
  });
});

describe('JSON Lines', () => {
  const telegraf = (timestamp: string): string =>
    `{"fields":{"timestamp":7,"s":"\\"timestamp\\":8"},"name":"cpu","tags":{"host":"r1"},"timestamp":${timestamp}}`;

  it("of Telegraf have their timestamps' unit", async () => {
    const [seconds, ns] = [1700000000n, 1700000000123456789n];
    expect((await read('jsonl', telegraf(String(seconds)))).points[0]!.time).toBe(seconds * 1_000_000_000n);
    expect((await read('jsonl', telegraf(String(ns)), { precision: 'ns' })).points[0]!.time).toBe(ns);
    expect((await read('jsonl', telegraf('1700000000123'), { precision: 'ms' })).points[0]!.time).toBe(
      1700000000123000000n,
    );
  });

  it.each([
    ['{"name":"m","fields":{"v":1},"timestmp":1}', 'unknown key "timestmp" (did you mean "timestamp"?)'],
    ['{"name":"m","measurement":"n","fields":{"v":1}}', 'both name and measurement'],
    ['{"name":"m","fields":{"v":1},"time":"1","timestamp":1}', 'both time and timestamp'],
    [
      '{"name":"m","time":"1","points":[{"time":"1","fields":{},"x":1}]}',
      "a batch's point has the unknown key",
    ],
    ['{"name":"m","fields":{"v":{"int":"9223372036854775808"}}}', 'field "v" is beyond 64 bits'],
    ['{"name":"m","fields":{"v":1e999}}', 'field "v" is beyond what a double holds'],
    ['{"name":"m","fields":{"":1}}', 'a field has no name'],
    ['{"name":"m","tags":{"":"a"},"fields":{"v":1}}', 'a tag has no name'],
    ['{"name":"","fields":{"v":1}}', 'it has no name'],
  ])('%s is refused', async (text, message) => {
    await expect(readText('jsonl', text)).rejects.toThrow(message);
  });
});

describe('a file read as data', () => {
  it('may be gzipped, begin with a byte order mark and have texts over several lines', async () => {
    const folder = tempDir();
    const points = [
      { name: 'm', tags: {}, fields: { v: 1 }, time: undefined },
      { name: 'm', tags: {}, fields: { s: 'a\nb' }, time: 2n },
    ];
    const [lp, srpl] = [join(folder, 'a.lp'), join(folder, 'b.srpl')];
    writeFileSync(lp, '\uFEFFm v=1\nm s="a\nb" 2');
    writeFileSync(srpl, gzipSync('db\nrp\nm v=1\ndb\nrp\nm s="a\nb" 2\n'));
    for (const path of [lp, srpl]) expect(await readLinePoints(path)).toEqual(points);
    await expect(readLinePoints(join(folder, 'c.brpl'))).rejects.toThrow('it holds batches');
  });
});
