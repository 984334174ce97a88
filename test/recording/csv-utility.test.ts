import fc from 'fast-check';
import { DateTime } from 'luxon';
import { describe, expect, it } from 'vitest';
import type { OpenOptions } from '../../src/recording/open.js';
import { TimeParser } from '../../src/recording/times.js';
import { readText } from '../support/recording-files.js';

/** The points of a CSV as `[UTC, tags, fields]`, and what was reported of it. */
async function read(text: string | Buffer, options: OpenOptions = {}) {
  const told: string[] = [];
  const items = await readText('csv', text, {
    name: 'f',
    measurement: 'm',
    skipBad: true,
    onBad: ({ message }) => told.push(message),
    onWarning: (warning) => told.push(warning),
    ...options,
  });
  const points = items.map((item) => {
    if ('points' in item) throw new Error('a batch');
    return { utc: Number(item.time / 1_000_000n), tags: item.tags, fields: item.fields };
  });
  return { points, told, utc: points.map(({ utc }) => new Date(utc).toISOString()) };
}

const opower = {
  timeColumn: ['DATE', 'START TIME'],
  timeZone: 'America/Los_Angeles',
} as const satisfies OpenOptions;

describe('the CSV that utilities export', () => {
  it('has name and address above the header, date and time in two columns, and no cells for notes', async () => {
    const text =
      '\uFEFFName,WILLIAM EXAMPLE\r\nAddress,"1 S BROAD ST, PHILADELPHIA PA 19112"\r\nAccount Number,1776\r\nService,Service 1\r\n\r\n' +
      'TYPE,DATE,START TIME,END TIME,USAGE (kWh),NOTES\r\n' +
      'Electric usage,2026-01-15,00:00,00:14,0.05\r\nElectric usage,2026-01-15,00:15,00:29,"1,234.5"\r\n';
    const { points, told, utc } = await read(text, { ...opower, tagColumns: ['TYPE'], thousands: ',' });
    expect(utc).toEqual(['2026-01-15T08:00:00.000Z', '2026-01-15T08:15:00.000Z']);
    expect(points.map(({ tags, fields }) => ({ tags, fields }))).toEqual([
      { tags: { TYPE: 'Electric usage' }, fields: { 'END TIME': '00:14', 'USAGE (kWh)': 0.05 } },
      { tags: { TYPE: 'Electric usage' }, fields: { 'END TIME': '00:29', 'USAGE (kWh)': 1234.5 } },
    ]);
    expect(told).toEqual(['4 lines above the header in line 6 left out']);
  });

  it('has times of twelve hours, quoted numbers, and meters by their number', async () => {
    const text =
      '"Name : A B",,,,\n"Reading Start: 1/1/2026",,,,\n"Disclaimer: "",,,,\n,,,,\n' +
      '"Meter Number","Date","Start Time","Duration","Consumed"\n' +
      '"0001234","09/04/2024",12:00:00 AM,"Hour","0.34"\n"0001234","09/04/2024",01:00:00 PM,"Hour","-0.221"\n';
    const { points, told, utc } = await read(text, {
      timeColumn: ['Date', 'Start Time'],
      tagColumns: ['Meter Number'],
      timeFormat: 'MM/dd/yyyy hh:mm:ss a',
      timeZone: 'America/Los_Angeles',
    });
    expect(utc).toEqual(['2024-09-04T07:00:00.000Z', '2024-09-04T20:00:00.000Z']);
    expect(points[1]).toMatchObject({ tags: { 'Meter Number': '0001234' }, fields: { Consumed: -0.221 } });
    expect(told).toEqual(['3 lines above the header in line 5 left out']);
  });

  it('has its time columns in any order, and joined in the order that is asked for', async () => {
    const text = 'START TIME,v,DATE\n00:15,1,2026-03-07\n';
    expect((await read(text, opower)).utc).toEqual(['2026-03-07T08:15:00.000Z']);
    const reversed = { ...opower, timeColumn: ['START TIME', 'DATE'] };
    expect((await read(text, reversed)).told).toEqual([
      expect.stringContaining('f, line 2: "00:15 2026-03-07" is no time'),
    ]);
  });

  it.each([
    ['DATE,START TIME,v\n,00:15,1\n', 'f, line 2: it has no time'],
    ['DATE,START TIME,v\n2026-03-07,,1\n', 'f, line 2: it has no time'],
    [
      'Date,START TIME,v\n2026-03-07,00:15,1\n',
      'f, line 2: no header with the column "DATE" for --time-column up to here; did you mean "Date"?',
    ],
    [
      'Name,A\nv,w\n',
      'f, line 2: no header with the columns "DATE" and "START TIME" for --time-column up to here',
    ],
    [
      'Name;A\nDATE; START TIME;v\n2026-03-07;00:15;1\n',
      'f, line 3: no header with the columns "DATE" and "START TIME" for --time-column up to here; its cells may be parted by another character: --delimiter ";"',
    ],
    [
      'DATE\tSTART TIME\tv\n',
      'f, line 1: no header with the columns "DATE" and "START TIME" for --time-column up to here; its cells may be parted by another character: --delimiter tab',
    ],
    [
      'DATE,START TIME,"v\n',
      'f, line 1: no header with the columns "DATE" and "START TIME" for --time-column up to here; a line is malformed: a quote is not closed',
    ],
    [
      'DATE,START TIME,v,w\n2026-03-07,00:15,1,2\n2026-03-07,00:30,1\n',
      'f, line 3: it has 3 cells; the header has 4',
    ],
    [
      'DATE,START TIME,v,w\n2026-03-07,00:15,1\n2026-03-07,00:30\n',
      'f, line 3: it has 2 cells; the header has 4',
    ],
    ['DATE,START TIME,v\n2026-03-07,00:15,1,2\n', 'f, line 2: it has 4 cells; the header has 3'],
  ])('is refused where it is not understood (%#)', async (text, message) => {
    expect((await read(text, opower)).told).toEqual([message]);
  });

  it('is refused with a hint to its encoding if that keeps its header from being found', async () => {
    const text = Buffer.from('DATE,START TIME,Stärke\n2026-03-07,00:15,1\n', 'latin1');
    const { told } = await read(text, opower);
    expect(told[0]).toContain('; a line is malformed: it has bytes that are not UTF-8; set their encoding');
  });

  it('is refused as a whole if no header is among its first hundred lines', async () => {
    const lines = Array.from({ length: 150 }, (_, index) => `a,b,${index}`);
    const { told } = await read(lines.join('\n'), opower);
    expect(told[0]).toMatch(/^f, line 100: no header with the columns "DATE" and "START TIME"/);
    expect(told).toHaveLength(51); // and each line below
  });

  it('has a column for tags only if it is there', async () => {
    const { told } = await read('time,v\n1,2\n', { tagColumns: ['meter'] });
    expect(told[0]).toBe('f, line 1: the header has no column "meter" for --tag-column');
  });

  it('needs all of its quotes only in and below the header', async () => {
    const above = fc
      .array(fc.stringMatching(/^[a-zA-Z" :,;|-]{0,12}$/), { maxLength: 6 })
      .filter((lines) => !lines.some((line) => /^[ ]*#/.test(line)));
    await fc.assert(
      fc.asyncProperty(above, async (lines) => {
        const table = 'DATE,START TIME,v\n2026-03-07,00:15,"1"\n2026-03-07,00:30,2\n';
        const { points } = await read([...lines, table].join('\n'), opower);
        expect(points.map(({ fields }) => fields)).toEqual([{ v: 1 }, { v: 2 }]);
      }),
    );
  });

  it.each([
    [{ timeColumn: ['a', 'a'] }, 'a column of the time has no name, or is given twice'],
    [{ timeColumn: '' }, 'a column of the time has no name, or is given twice'],
    [{ thousands: '.' }, 'the separator of thousands "." is not one character such as a comma or a blank'],
    [{ thousands: ',,' }, 'the separator of thousands ",," is not one character'],
  ])('is not read by %o', async (options, message) => {
    await expect(readText('csv', 'name,v\n', options)).rejects.toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringContaining(message) as string }),
    );
  });
});

describe('separators of thousands in CSV', () => {
  it('are read in every number that has them at the right places', async () => {
    const numbers = fc.tuple(
      fc.integer({ min: -999_999_999, max: 999_999_999 }),
      fc.nat(9),
      fc.constantFrom(',', ' ', "'"),
      fc.constantFrom('v', 'double:v'),
    );
    await fc.assert(
      fc.asyncProperty(numbers, async ([whole, decimal, thousands, column]) => {
        const text = `${whole.toLocaleString('en-US').replaceAll(',', thousands)}.${decimal}`;
        const { points, told } = await read(`time;${column}\n1;${text}\n`, { delimiter: ';', thousands });
        expect(told).toEqual([]);
        expect(points[0]!.fields).toEqual({ v: Number(`${whole}.${decimal}`) });
      }),
    );
    const ints = await read('time;int:v;w\n1;1,234,567;-1,234i\n', { delimiter: ';', thousands: ',' });
    expect(ints.points[0]!.fields).toEqual({ v: 1234567n, w: -1234n });
  });

  it.each(['1,23', '12,34,567', '1234,567', ',123', '1,234,', '1.2,345'])(
    'are not taken out of %s, which is no such number',
    async (text) => {
      const options = { delimiter: ';', thousands: ',' };
      expect((await read(`time;string:s;v\n1;x;${text}\n`, options)).points[0]!.fields.v).toBe(text);
      expect((await read(`time;double:v\n1;${text}\n`, options)).told[0]).toContain('field "v" is no double');
    },
  );

  it('are asked for where commas leave a number as text, or refuse it', async () => {
    expect((await read('time;v\n1;1,234.5\n', { delimiter: ';' })).told).toEqual([
      '1,234.5 looks like a number with commas in column "v", line 2: it is read as text; set --thousands , if it parts thousands, or "string:v" in the header if it is text',
    ]);
    expect((await read('time;v\n1;1,234\n', { delimiter: ';' })).told[0]).toContain(
      'looks like a decimal comma in column "v", line 2: it is read as text; write a dot, or set --thousands , if it parts thousands',
    );
    expect((await read('time;double:v\n1;1,234.5\n', { delimiter: ';' })).told).toEqual([
      'f, line 2: field "v" is no double: "1,234.5" has commas; set --thousands , if it parts thousands',
    ]);
  });
});

describe('local times where the clock is changed', () => {
  /** Days on which the clock is put back, and forward, by an hour or half of one. */
  const zones = [
    { timeZone: 'America/New_York', back: '2026-11-01', forward: '2026-03-08' },
    { timeZone: 'Europe/Berlin', back: '2026-10-25', forward: '2026-03-29' },
    { timeZone: 'Australia/Lord_Howe', back: '2026-04-05', forward: '2026-10-04' },
  ] as const;

  const cells = (utc: number, zone: string): string =>
    DateTime.fromMillis(utc, { zone }).toFormat('yyyy-MM-dd,HH:mm');

  it('are read by the order of the file: of every meter, side by side or one below the other, oldest or newest first', async () => {
    // The order says nothing if the interval is longer than what the clock is put back by.
    const files = fc
      .record({
        zone: fc.constantFrom(...zones),
        minutes: fc.constantFrom(15, 30, 60),
        meters: fc.integer({ min: 1, max: 3 }),
        isNewestFirst: fc.boolean(),
        isInterleaved: fc.boolean(),
      })
      .filter(({ zone, minutes }) => zone.timeZone !== 'Australia/Lord_Howe' || minutes <= 30);
    await fc.assert(
      fc.asyncProperty(files, async ({ zone, minutes, meters, isNewestFirst, isInterleaved }) => {
        const { timeZone, back } = zone;
        const start = DateTime.fromISO(back, { zone: timeZone }).toMillis();
        const times = Array.from(
          { length: (26 * 60) / minutes },
          (_, index) => start + index * minutes * 60_000,
        );
        if (isNewestFirst) times.reverse();
        const all = Array.from({ length: meters }, (_, meter) =>
          times.map((utc) => ({ utc, meter: String(meter) })),
        );
        const records = isInterleaved
          ? times.flatMap((_, index) => all.map((one) => one[index]!))
          : all.flat();
        const rows = records.map(({ utc, meter }) => `${cells(utc, timeZone)},${meter},1`);
        const { points, told } = await read(['DATE,START TIME,tag:meter,v', ...rows].join('\n'), {
          timeColumn: ['DATE', 'START TIME'],
          timeZone,
        });
        expect(points.map(({ utc, tags }) => ({ utc, meter: tags.meter }))).toEqual(records);
        expect(told).toEqual([expect.stringMatching(`times? in an hour that ${timeZone} has twice`)]);
      }),
      { numRuns: 50 },
    );
  });

  it('are refused by line where the clock skips them, and read everywhere else', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...zones), fc.integer({ min: 0, max: 95 }), async (zone, quarter) => {
        const { timeZone, forward } = zone;
        const clock = `${String(Math.floor(quarter / 4)).padStart(2, '0')}:${String((quarter % 4) * 15).padStart(2, '0')}`;
        const shown = DateTime.fromISO(`${forward}T${clock}`, { zone: timeZone });
        const isSkipped = shown.toFormat('HH:mm') !== clock; // Luxon moves it forward
        const { points, told } = await read(`DATE,START TIME,v\n${forward},${clock},1\n`, {
          timeColumn: ['DATE', 'START TIME'],
          timeZone,
        });
        if (isSkipped) {
          expect(told).toEqual([
            `f, line 2: "${forward} ${clock}" does not exist in ${timeZone}: the clock is put forward over it`,
          ]);
        } else expect(points.map(({ utc }) => utc)).toEqual([shown.toMillis()]);
      }),
    );
  });

  it('are right in every hour of a year, whatever the zone', () => {
    const zonesOfAllKinds = ['America/St_Johns', 'Africa/Casablanca', 'Asia/Kolkata', 'Pacific/Apia'];
    fc.assert(
      fc.property(fc.constantFrom(...zonesOfAllKinds), fc.integer({ min: 2005, max: 2026 }), (zone, year) => {
        const parser = new TimeParser({ timeZone: zone });
        for (let hour = 0; hour < 366 * 24; hour++) {
          const utc = Date.UTC(year, 0, 1, hour);
          const read = parser.parse(cells(utc, zone).replace(',', ' '), () => 'one series');
          if (read !== BigInt(utc) * 1_000_000n) expect(read).toBe(BigInt(utc) * 1_000_000n);
        }
      }),
      { numRuns: 3 },
    );
  }, 60_000);

  it('of JSON Lines follow each series too', async () => {
    const line = (time: string, meter: string): string =>
      JSON.stringify({ name: 'm', time, tags: { meter }, fields: { v: 1 } });
    const times = [
      '2026-11-01T00:00:00',
      '2026-11-01T01:00:00',
      '2026-11-01T01:00:00',
      '2026-11-01T02:00:00',
    ];
    const text = times.flatMap((time) => [line(time, 'a'), line(time, 'b')]).join('\n');
    const items = await readText('jsonl', text, { timeZone: 'America/New_York' });
    const hours = items.map(({ time }) => new Date(Number(time / 1_000_000n)).getUTCHours());
    expect(hours).toEqual([4, 4, 5, 5, 6, 6, 7, 7]);
  });
});
