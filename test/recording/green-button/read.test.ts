import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { RecordedItem } from '../../../src/recording/format.js';
import { type OpenOptions, openRecording } from '../../../src/recording/open.js';
import { entriesOf, entry, greenButtonFeed, intervalReading } from '../../support/green-button.js';
import { heldMemory } from '../../support/held-bytes.js';
import { plain } from '../../support/recording-files.js';

interface Outcome {
  readonly points: object[];
  readonly error: string | undefined;
  readonly warnings: string[];
  readonly bad: string[];
}

/** What comes of a feed: its points, and the error behind them. */
async function read(
  text: string | Buffer,
  { chunkBytes = 64, ...options }: OpenOptions & { chunkBytes?: number } = {},
): Promise<Outcome> {
  const bytes = Buffer.from(text as string);
  const chunks: Buffer[] = [];
  for (let start = 0; start < bytes.length; start += chunkBytes) {
    chunks.push(bytes.subarray(start, start + chunkBytes));
  }
  const points: object[] = [];
  const warnings: string[] = [];
  const bad: string[] = [];
  let error: string | undefined;
  try {
    const recording = await openRecording(Readable.from(chunks), {
      format: 'greenbutton',
      name: 'feed.xml',
      ...options,
      onWarning: (warning) => warnings.push(warning),
      onBad: ({ message }) => bad.push(message),
    });
    for await (const items of recording) points.push(...items.map((item: RecordedItem) => plain(item)));
  } catch (reason) {
    error = (reason as Error).message;
  }
  return { points, error, warnings, bad };
}

const readings = [
  { start: 1_767_225_600, value: 1234 },
  {
    start: 1_767_226_500,
    value: '-5',
    more: '<e:cost>150</e:cost><e:ReadingQuality><e:quality>8</e:quality></e:ReadingQuality>',
  },
  { start: 1_767_227_400, value: 0 },
];
const [usagePoint, meterReading, readingType, block] = entriesOf({ readings });
const whole = greenButtonFeed([usagePoint, meterReading, readingType, block]);
const tags = {
  customer: '9',
  usage_point: '1',
  meter_reading: 'a',
  unit: 'Wh',
  flow_direction: 'forward',
  commodity: 'electricity',
  accumulation: 'delta',
};
const point = (time: bigint, fields: object): object => ({
  name: 'interval_reading',
  database: '',
  retentionPolicy: '',
  tags,
  time: time * 1_000_000_000n,
  fields: { duration: 900n, ...fields },
});
const points = [
  point(1_767_225_600n, { value: 1.234 }),
  point(1_767_226_500n, { value: -0.005, cost: 0.0015, quality: 'estimated by reference day' }),
  point(1_767_227_400n, { value: 0 }),
];

describe('a Green Button feed', () => {
  it('gives a point for each interval reading, at its start, scaled and with what it measures', async () => {
    expect(await read(whole)).toEqual({ points, error: undefined, warnings: [], bad: [] });
  });

  it('may be gzipped', async () => {
    expect((await read(gzipSync(whole))).points).toEqual(points);
  });

  it.each([1, 2, 3, 64])(
    'may be UTF-16 with a byte order mark, read %d bytes at a time',
    async (chunkBytes) => {
      const little = Buffer.from(`\uFEFF${whole.replace('UTF-8', 'UTF-16')}`, 'utf16le');
      expect((await read(little, { chunkBytes })).points).toEqual(points);
      expect((await read(Buffer.from(little).swap16(), { chunkBytes })).points).toEqual(points);
      expect((await read(little.subarray(0, -41), { chunkBytes })).error).toMatch(
        /it is cut off|well-formed|not UTF-8/,
      );
    },
  );

  it('may name another measurement', async () => {
    expect((await read(whole, { measurement: 'meter' })).points[0]).toMatchObject({ name: 'meter' });
  });

  it('gives the same points in whatever order its entries come', async () => {
    const other = entriesOf({
      usagePoint: '2',
      id: 'b',
      uom: 38,
      power: 0,
      readings: [{ start: 5, value: 7 }],
    });
    const entries = [usagePoint, meterReading, readingType, block, ...other];
    const byTime = (found: object[]): unknown[] =>
      found
        .map((item) =>
          JSON.stringify(item, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
        )
        .sort();
    const expected = byTime((await read(greenButtonFeed(entries))).points);
    expect(expected).toHaveLength(4);
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(entries, { minLength: entries.length }), async (shuffled) => {
        const { points: found, error } = await read(greenButtonFeed(shuffled), { chunkBytes: 4096 });
        expect(error).toBeUndefined();
        expect(byTime(found)).toEqual(expected);
      }),
      { numRuns: 50 },
    );
  });

  it('may have an entry’s links behind its content', async () => {
    const late = block.replace(/(<link.*?\/>)(<title.*<\/content>)/s, '$2$1');
    expect(late.indexOf('<link')).toBeGreaterThan(late.indexOf('</content>'));
    expect((await read(greenButtonFeed([usagePoint, meterReading, readingType, late]))).points).toEqual(
      points,
    );
  });

  it('gives the same points and the same error in whatever chunks it comes', async () => {
    const feeds = [
      whole,
      whole.replace('</e:IntervalBlock>', '<&'),
      whole.slice(0, -30),
      whole.replace('>0<', '>x<'),
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...feeds),
        fc.integer({ min: 1, max: 3000 }),
        async (feed, chunkBytes) => {
          expect(await read(feed, { chunkBytes })).toEqual(await read(feed, { chunkBytes: 1_000_000 }));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('that is cut off anywhere gives its first points, and says where it ends', async () => {
    const bytes = Buffer.from(whole);
    const end = bytes.lastIndexOf('>');
    let last = 0;
    for (let length = 0; length <= end; length++) {
      const { points: found, error } = await read(bytes.subarray(0, length), { chunkBytes: 10_000 });
      expect(found).toEqual(points.slice(0, found.length));
      expect(found.length).toBeGreaterThanOrEqual(last);
      last = found.length;
      expect(error).toMatch(/^feed\.xml, line \d+, column \d+: (it is cut off|no well-formed XML)/);
    }
    expect(last).toBe(3);
  });

  test.each([
    ['1', 0, 1],
    ['123456789012345', -3, 123456789012.345],
    ['3', -1, 0.3],
    ['7', 6, 7_000_000],
    ['1.5', 3, 1500],
    ['281474976710655', -12, 281.474976710655],
  ])('scales %s by 10^%d to the nearest double', async (value, power, expected) => {
    const entries = entriesOf({ power, readings: [{ start: 1, value }] });
    expect((await read(greenButtonFeed(entries))).points).toMatchObject([{ fields: { value: expected } }]);
  });

  it('says what its local time is, and keeps times in UTC', async () => {
    const local = entry(
      'LocalTimeParameters/1',
      'LocalTimeParameters',
      [],
      '<e:LocalTimeParameters><e:dstEndRule>B40E2000</e:dstEndRule><e:dstOffset>3600</e:dstOffset>' +
        '<e:dstStartRule>360E2000</e:dstStartRule><e:tzOffset>-18000</e:tzOffset></e:LocalTimeParameters>',
    );
    const { points: found, warnings } = await read(
      greenButtonFeed([local, usagePoint, meterReading, readingType, block]),
    );
    expect(found).toEqual(points);
    expect(warnings).toEqual([
      'its local time is UTC-05:00, from the second Sunday of March 02:00 to the first Sunday of November 02:00 UTC-04:00; ' +
        'times are kept in UTC, as the feed has them: name the zone where calendars matter',
    ]);
  });

  it('may have rules of summer time without the time of day', async () => {
    const local = entry(
      'LocalTimeParameters/1',
      'LocalTimeParameters',
      [],
      '<e:LocalTimeParameters><e:dstEndRule>B40E</e:dstEndRule><e:dstOffset>3600</e:dstOffset>' +
        '<e:dstStartRule>360E</e:dstStartRule><e:tzOffset>-28800</e:tzOffset></e:LocalTimeParameters>',
    );
    const { points: found, warnings } = await read(
      greenButtonFeed([local, usagePoint, meterReading, readingType, block]),
    );
    expect(found).toEqual(points);
    expect(warnings[0]).toContain(
      'UTC-08:00, from the second Sunday of March to the first Sunday of November UTC-07:00',
    );
  });

  test.each([
    ['seconds since 1970 in hexadecimal', '65ED5A70', '67271F70'],
    ['a 13th month', 'D40E2000', 'B40E2000'],
    ['a 25th hour', '360F9000', 'B40E2000'],
    ['no weekday', '36002000', 'B40E2000'],
    ['no hexadecimal digits', 'March', 'November'],
  ])('shows rules of summer time that ESPI does not have as they are: %s', async (_, start, end) => {
    const local = entry(
      'LocalTimeParameters/1',
      'LocalTimeParameters',
      [],
      `<e:LocalTimeParameters><e:dstEndRule>${end}</e:dstEndRule><e:dstOffset>3600</e:dstOffset>` +
        `<e:dstStartRule>${start}</e:dstStartRule><e:tzOffset>-18000</e:tzOffset></e:LocalTimeParameters>`,
    );
    const { points: found, warnings } = await read(
      greenButtonFeed([local, usagePoint, meterReading, readingType, block]),
    );
    expect(found).toEqual(points);
    expect(warnings[0]).toContain(
      `UTC-05:00, in summer UTC-04:00 (its rules of summer time are not read: ${start}, ${end})`,
    );
  });

  it('says what it holds that is not read, and if it holds no readings', async () => {
    const summary = entry('UsageSummary/1', 'UsageSummary', [], '<e:UsageSummary/>');
    expect((await read(greenButtonFeed([summary, summary]))).warnings).toEqual([
      'not read, as it holds no interval readings: 2 × UsageSummary',
      'it holds no interval readings',
    ]);
  });
});

describe('a mistake in a Green Button feed is named with its place', () => {
  const replaced = (from: string | RegExp, to: string): string => {
    expect(whole).toMatch(from);
    return whole.replace(from, to);
  };
  test.each([
    [
      'an unknown unit',
      (): string => replaced('<e:uom>72<', '<e:uom>999<'),
      /line 8, column \d+: the ReadingType has the unknown unit \(uom\) 999/,
      0,
    ],
    ['no unit', (): string => replaced('<e:uom>72</e:uom>', ''), /the ReadingType has no unit/, 0],
    [
      'no reading type',
      (): string => greenButtonFeed([usagePoint, meterReading, block]),
      /line 7: the IntervalBlock has no ReadingType that the MeterReading .*\/MeterReading\/a/,
      0,
    ],
    [
      'no meter reading',
      (): string => greenButtonFeed([usagePoint, readingType, block]),
      /line 7: the IntervalBlock has no MeterReading that its links/,
      0,
    ],
    [
      'a value that is no number',
      (): string => replaced('>0</e:value>', '>0x</e:value>'),
      /its value is "0x", not a number/,
      2,
    ],
    ['no value', (): string => replaced('<e:value>0</e:value>', ''), /the IntervalReading has no value/, 2],
    [
      'no start',
      (): string => replaced('<e:start>1767227400</e:start>', ''),
      /the IntervalReading has no start/,
      2,
    ],
    [
      'a start beyond 2262',
      (): string => replaced('1767227400', '99999999999'),
      /its start is "99999999999", not seconds since 1970/,
      2,
    ],
    [
      'a tag that is not closed',
      (): string => replaced('</e:IntervalBlock>', ''),
      /no well-formed XML: Unexpected close tag/,
      3,
    ],
    [
      'a document type',
      (): string => replaced('<feed', '<!DOCTYPE feed [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><feed'),
      /document type declaration/,
      0,
    ],
    [
      'an external entity',
      (): string => replaced('<feed', '<!DOCTYPE feed SYSTEM "file:///etc/passwd"><feed'),
      /document type declaration/,
      0,
    ],
    [
      'an entity',
      (): string => replaced('>0</e:value>', '>&a;</e:value>'),
      /no well-formed XML: Invalid character entity/,
      2,
    ],
    ['another root', (): string => '<html/>', /no Green Button feed: it begins with <html>/, 0],
    [
      'another namespace',
      (): string => whole.replaceAll('http://naesb.org/espi', 'http://other.example'),
      /<UsagePoint> is in the namespace "http:\/\/other.example"/,
      0,
    ],
    ['nothing', (): string => '', /it is cut off or empty/, 0],
    [
      'a long text',
      (): string => replaced('>0</e:value>', `>${'0'.repeat(2000)}</e:value>`),
      /the text of <value> has more than 1000 characters/,
      2,
    ],
    [
      'deep elements',
      (): string => replaced('<title>', '<a>'.repeat(100)),
      /more than 64 elements inside one another/,
      0,
    ],
    [
      'another encoding',
      (): string => whole.replace('UTF-8', 'ISO-8859-1'),
      /its encoding is ISO-8859-1; name it: --encoding iso-8859-1/,
      0,
    ],
  ] as const)('%s', async (_what, feed, message, before) => {
    const { points: found, error } = await read(feed());
    expect(error).toMatch(/^feed\.xml, line \d+(, column \d+)?: /);
    expect(error).toMatch(message);
    expect(found).toEqual(points.slice(0, before));
  });

  test('bytes that are not UTF-8, after the points before them', async () => {
    const bytes = Buffer.from(
      replaced('made up</title>\n<content><e:IntervalBlock', 'made up</title>\n<content><e:IntervalBlock'),
    );
    const at = bytes.lastIndexOf('1767227400');
    bytes[at] = 0xff;
    for (const chunkBytes of [1, 7, 100_000]) {
      const { points: found, error } = await read(bytes, { chunkBytes });
      expect(error).toContain('its bytes are not UTF-8');
      expect(found).toEqual(points.slice(0, 2));
    }
  });

  test('is left out on request, and the rest is read', async () => {
    const other = entriesOf({ id: 'b', uom: 999, readings: [{ start: 5, value: 7 }] });
    const feed = greenButtonFeed([
      usagePoint,
      meterReading,
      ...other,
      readingType,
      block.replace('>0</e:value>', '>x</e:value>'),
    ]);
    const { points: found, error, bad, warnings } = await read(feed, { skipBad: true });
    expect(error).toBeUndefined();
    expect(found).toEqual(points.slice(0, 2));
    expect(bad).toHaveLength(2);
    expect(warnings).toContain('1 reading of malformed reading types left out');
  });

  test('a document that breaks off is read up to there, on request', async () => {
    const { points: found, bad } = await read(whole.slice(0, -30), { skipBad: true });
    expect(found).toEqual(points);
    expect(bad).toHaveLength(1);
  });
});

test('a comment, an attribute or a text of any length takes no memory', async () => {
  const part = Buffer.from('x'.repeat(64 * 1024));
  let maxHeld = 0;
  const endless = (start: string) =>
    (function* () {
      const before = heldMemory();
      yield Buffer.from(`<feed xmlns="http://www.w3.org/2005/Atom"><title>${start}`);
      for (let count = 1; count <= 2_000; count++) {
        yield Buffer.from(part); // each of its own, as those of a socket or a file
        if (count % 500 === 0) maxHeld = Math.max(maxHeld, heldMemory() - before);
      }
      yield Buffer.from('</title></feed>');
    })();
  const problems: string[] = [];
  for (const start of ['', '<!-- ', '<a b="', '<a ', '<![CDATA[', '<?p ']) {
    try {
      const recording = await openRecording(Readable.from(endless(start)), {
        format: 'greenbutton',
        name: 'f',
      });
      for (const items = recording[Symbol.asyncIterator](); (await items.next()).done !== true;);
      problems.push('none');
    } catch (reason) {
      problems.push((reason as Error).message);
    }
  }
  expect(maxHeld).toBeLessThan(8e6); // of 131e6 bytes
  expect(problems[0]).toBe('none');
  for (const problem of problems.slice(1)) expect(problem).toMatch(/^f, line 1, column \d+: /);
});

test('readings that wait for their reading type are bounded', async () => {
  const many = intervalReading({ start: 1, value: 1 }).repeat(250_001);
  const { error } = await read(
    greenButtonFeed([block.replace('<e:IntervalReading>', `${many}<e:IntervalReading>`)]),
    {
      chunkBytes: 65_536,
    },
  );
  expect(error).toMatch(/more than 250000 readings wait for their MeterReading and ReadingType/);
});
