import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseLine } from '../../src/recording/line-protocol.js';
import { tempDirForFile } from '../support/temp-dir.js';
import { type Influxd, startInfluxd } from './support/influxd.js';
import { needs } from './support/servers.js';

const { missing, title } = needs(
  'Line protocol, read by this package and by a real InfluxDB,',
  ['INFLUXD'],
  'integers without a sign that are refused',
);

/** What stands behind `m `, with the time 1 behind it. */
const fields = [
  ...[
    '1',
    '1i',
    '-1i',
    '01',
    '-0',
    '1e3',
    '1E3',
    '1e+3',
    '.5',
    '5.',
    '-.5',
    '-',
    '+1',
    '1.2.3',
    '0x10',
    '1u',
    '1i5',
    '',
  ],
  ...[
    '9223372036854775807i',
    '9223372036854775808i',
    '-9223372036854775808i',
    '1e400',
    'NaN',
    'nan',
    'Inf',
    'inf',
  ],
  ...['t', 'T', 'true', 'True', 'TRUE', 'f', 'F', 'false', 'False', 'FALSE', 'tRUE', 'yes'],
  ...['"a', '"a b,c=d"', '"a\\"b\\\\c"', '"two\nlines"', '"x\\ny"', '1,w=2', '1,', '1,w'],
].map((value) => `m v=${value} 1`);
const keys = ['v', '=1', 'v\\ w=1', 'v\\,w=1', 'v\\=w=1', '"v"=1', 'v=\\"x"'].map((text) => `m ${text} 1`);
const series = [
  ...[
    'm\\ 1',
    'm\\,1',
    'm\\=1',
    'm=1',
    'm,a=b',
    'm,a\\ b=c\\ d',
    'm,a=b\\=c',
    'm,a=b=c',
    'm,a=',
    'm,=b',
    'm,a',
    'm,',
  ],
  ...[',a=b', 'm,a=b,a=c', 'm,b=1,a=2', '"m"', 'm,a="q"', 'm,a=\\\\', 'm,größe=ü', '  m', '\tm', 'm\tx'],
].map((text) => `${text} v=1 1`);
const times = [
  'notime',
  '5 6',
  ...['6', '7'].flatMap((end) => [`922337203685477580${end}`, `-922337203685477580${end}`]),
];
const lines = [...fields, ...keys, ...series, ...times.map((time) => `m v=1 ${time}`), 'm  v=1  1'];

describe.skipIf(missing)(title, () => {
  const directory = tempDirForFile();
  let influxd: Influxd;
  beforeAll(async () => {
    influxd = await startInfluxd(join(directory, 'influxdb'));
  });
  afterAll(() => influxd.daemon.stop());

  /** The point that InfluxDB has made of a line. */
  const stored = async (line: string, database: string): Promise<unknown> => {
    await influxd.api.createDatabase(database);
    try {
      await influxd.api.write(database, line);
    } catch {
      return 'refused';
    }
    const [name] = await influxd.api.query('SHOW MEASUREMENTS', database);
    const [row] = await influxd.api.query('SELECT * FROM /.*/ GROUP BY *', database);
    return { name: name?.name, ...row, time: 0 };
  };

  const parsed = (line: string): unknown => {
    try {
      const { name, tags, fields } = parseLine(line);
      const values = Object.entries(fields).map(([key, value]) => [
        key,
        typeof value === 'bigint' ? Number(value) : value,
      ]);
      return { name, ...tags, ...Object.fromEntries(values), time: 0 };
    } catch {
      return 'refused';
    }
  };

  it('is taken and refused alike, and means the same', async () => {
    for (const [number, line] of lines.entries()) {
      expect([line, parsed(line)]).toEqual([line, await stored(line, `db${number}`)]);
    }
  });
});
