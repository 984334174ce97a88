import { describe, expect, it } from 'vitest';
import type { OpenOptions } from '../../src/recording/open.js';
import { readText } from '../support/recording-files.js';

/** The points of a file with a table for each day and direction, and what was reported of it. */
async function read(text: string, options: OpenOptions = {}) {
  const told: string[] = [];
  const items = await readText('csv', text, {
    name: 'f',
    timeZone: 'America/Los_Angeles',
    skipBad: true,
    onBad: ({ message }) => told.push(message),
    onWarning: (warning) => told.push(warning),
    ...options,
  });
  const points = items.map((item) => {
    if ('points' in item) throw new Error('a batch');
    return { name: item.name, utc: formatUtc(item.time), tags: item.tags, fields: item.fields };
  });
  return { points, told };
}

const formatUtc = (time: bigint): string => new Date(Number(time / 1_000_000n)).toISOString();

const preamble =
  'Energy Usage Information,,\nFor location: 1 MADE-UP ST,,\n,,\nMeter Reading Information,,\nType of readings: Electricity,,\n,,\n' +
  '"What is said of the data, in a sentence. ",,\n,,\nDetailed Usage,,\nStart date: 2026-01-14 23:00:00  for 1 day,,\n,,\n';

/** A table as the file has it for a day. */
const block = (energy: string, ...rows: readonly string[]): string =>
  'Data for period starting: 2026-01-15 00:00:00  for 24 hours,,\n' +
  `Energy  ${energy} time period,Usage ${energy}(Real energy in kilowatt-hours),Reading quality\n` +
  `${rows.join('\n')}\n,,\n`;

const row = (start: string, end: string, usage: string, quality = '', day = '2026-01-15'): string =>
  `${day} ${start}:00 to ${day} ${end}:00,${usage},${quality}`;

const delivered = {
  location: '1 MADE-UP ST',
  unit: 'kWh',
  flow_direction: 'forward',
  commodity: 'electricity',
};

describe('CSV with a table for each day and direction', () => {
  it('is read as the intervals of both directions, at their starts', async () => {
    const text =
      preamble +
      block('Delivered', row('00:00', '00:15', '0.04'), row('00:15', '00:30', '1.5', 'estimated')) +
      block('Received', row('00:00', '00:15', '0'));
    const { points, told } = await read(text);
    expect(told).toEqual([]);
    expect(points).toEqual([
      {
        name: 'interval_reading',
        utc: '2026-01-15T08:00:00.000Z',
        tags: delivered,
        fields: { value: 0.04, duration: 900n },
      },
      {
        name: 'interval_reading',
        utc: '2026-01-15T08:15:00.000Z',
        tags: delivered,
        fields: { value: 1.5, duration: 900n, quality: 'estimated' },
      },
      {
        name: 'interval_reading',
        utc: '2026-01-15T08:00:00.000Z',
        tags: { ...delivered, flow_direction: 'reverse' },
        fields: { value: 0, duration: 900n },
      },
    ]);
  });

  it('may have all cells in quotes, other ends of lines, and one direction only', async () => {
    const text =
      '\uFEFF"Energy Usage Information"\r\n"For location: X"\r\n\r\n"Data for period starting: 2026-01-15 00:00:00  for 24 hours"\r\n' +
      'Energy consumption time period,Usage(Real energy in kilowatt-hours),Reading quality\r\n' +
      '"2026-01-15\u00A000:00:00\u00A0to\u00A02026-01-15\u00A001:00:00","0.25",""\r\n';
    const { points } = await read(text, { measurement: 'power' });
    expect(points).toEqual([
      {
        name: 'power',
        utc: '2026-01-15T08:00:00.000Z',
        tags: { ...delivered, location: 'X' },
        fields: { value: 0.25, duration: 3600n },
      },
    ]);
  });

  it('has each hour once as the clock is put back, and its length as the clock is put forward', async () => {
    const back = '2026-11-01';
    const rows = [
      ...[row('00:00', '01:00', '1', '', back), row('01:00', '01:00', '2', '', back)],
      ...[row('01:00', '02:00', '3', '', back), row('02:00', '03:00', '4', '', back)],
    ];
    const { points } = await read(preamble + block('Delivered', ...rows));
    expect(points.map(({ utc, fields }) => [utc.slice(11, 16), fields.duration])).toEqual([
      ['07:00', 3600n],
      ['08:00', 3600n],
      ['09:00', 3600n],
      ['10:00', 3600n],
    ]);
    const forward = await read(preamble + block('Delivered', row('01:45', '03:00', '1', '', '2026-03-08')));
    expect(forward.points).toMatchObject([{ utc: '2026-03-08T09:45:00.000Z', fields: { duration: 900n } }]);
  });

  it('has no point of a missing reading', async () => {
    const { points, told } = await read(preamble + block('Delivered', row('00:00', '00:15', '', 'missing')));
    expect(points).toEqual([]);
    expect(told).toEqual([expect.stringContaining('1 point without fields left out')]);
  });

  it.each([
    [block('Stored', row('00:00', '00:15', '1')), 'energy "stored" is unknown; known are delivered, '],
    [block('Delivered', row('00:00', '00:15', 'n/a')), 'its usage "n/a" is no number'],
    [block('Delivered', row('00:00', '04:00', '1')), 'is not within an hour'],
    [
      block('Delivered', row('00:00', '00:15', '1')).replace('kilowatt', 'watt'),
      'usage is in kilowatt-hours',
    ],
    [block('Delivered', '2026-01-15 00:00:00,1,'), '"2026-01-15 00:00:00" is neither a period nor a header'],
    [`${row('00:00', '00:15', '1')}\n`, 'it belongs to no header'],
  ])('is refused where it is not understood: %j', async (text, message) => {
    const { points, told } = await read(preamble + text);
    expect(points).toEqual([]);
    expect(told[0]).toContain(message);
  });

  it('needs a time zone', async () => {
    const { told } = await read(preamble + block('Delivered', row('00:00', '00:15', '1')), {
      timeZone: undefined,
    });
    expect(told).toEqual([expect.stringContaining('name it: --time-zone')]);
  });
});

it('a table whose first column has that name remains a table if its time column is named', async () => {
  const { points } = await read('Energy Usage Information,time\n5,2026-01-15 00:00\n', {
    timeColumn: ['time'],
    measurement: 'm',
  });
  expect(points).toMatchObject([{ name: 'm', fields: { 'Energy Usage Information': 5 } }]);
});
