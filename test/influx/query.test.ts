import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { queryInflux, type QueriedPoint } from '../../src/influx/query.js';
import { type MsgpackValue, decodeMsgpack } from '../../src/influx/msgpack.js';
import { influxTarget } from '../../src/influx/target.js';
import { pack } from '../support/packed.js';
import { runs } from '../support/runs.js';

type Handler = (request: IncomingMessage, body: string, response: ServerResponse) => void;

/** A server in InfluxDB's place. */
async function influx(handler: Handler): Promise<string> {
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      handler(request, body, response);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function found(url: string, query: string, environment = {}): Promise<QueriedPoint[]> {
  const points: QueriedPoint[] = [];
  for await (const point of queryInflux(influxTarget(url, environment), query)) points.push(point);
  return points;
}

/** Answers an InfluxQL query with these parts, and SHOW TAG KEYS and SHOW FIELD KEYS with these keys. */
function influxQl(
  parts: readonly unknown[],
  tags: readonly string[] = [],
  fields: readonly string[] = [],
): Handler {
  return (_request, body, response) => {
    const [, kind] = /^SHOW (TAG|FIELD) KEYS FROM/.exec(new URLSearchParams(body).get('q')!) ?? [];
    const values = (kind === 'TAG' ? tags : fields).map((key) => [key]);
    const keys = { results: [{ series: [{ name: 'm', columns: ['key'], values }] }] };
    response.setHeader('content-type', 'application/x-msgpack');
    for (const part of kind === undefined ? parts : [keys]) response.write(pack(part));
    response.end();
  };
}

const series = (values: unknown[][], more = {}) => ({
  results: [{ series: [{ name: 'm', columns: ['time', 'host', 'i', 'f', 's', 'b'], values, ...more }] }],
});

describe('an InfluxQL query', () => {
  test('finds points with exact integers and times; integers and doubles stay apart; tags are told from fields', async () => {
    const rows = [[1514979051065000001n, 'a', 2n ** 63n - 1n, 1, 'text', true]];
    const url = await influx(
      influxQl([series(rows), series([[2n, 'b', null, null, null, false]])], ['host']),
    );
    expect(await found(`${url}?db=d`, 'SELECT * FROM m')).toEqual([
      {
        name: 'm',
        tags: { host: 'a' },
        fields: { i: 2n ** 63n - 1n, f: 1, s: 'text', b: true },
        time: 1514979051065000001n,
      },
      { name: 'm', tags: { host: 'b' }, fields: { b: false }, time: 2n },
    ]);
  });

  test('takes the tags that it was grouped by, and leaves out rows without a field', async () => {
    const rows = [
      [1n, null, 1n, null, null, null],
      [2n, null, null, null, null, null],
    ];
    const url = await influx(influxQl([series(rows, { tags: { region: 'x', none: '' } })]));
    expect(await found(`${url}?db=d`, 'q')).toEqual([
      { name: 'm', tags: { region: 'x' }, fields: { i: 1n }, time: 1n },
    ]);
  });

  test('asks the database and retention policy with the credentials that are given', async () => {
    const asked: unknown[] = [];
    const url = await influx((request, body, response) => {
      asked.push(Object.fromEntries(new URLSearchParams(body)), request.headers.authorization);
      influxQl([])(request, body, response);
    });
    await found(`${url}?db=d&rp=long`, 'SELECT 1', { INFLUX_TOKEN: 'secret' });
    expect(asked).toEqual([
      { db: 'd', rp: 'long', epoch: 'ns', chunked: 'true', chunk_size: '1000', q: 'SELECT 1' },
      'Token secret',
    ]);
  });

  test.each([
    ['says so at once', { error: 'no query' }],
    ['says so in a result', { results: [{ error: 'no query' }] }],
  ])('that the server refuses throws its words (%s)', async (_how, answer) => {
    const url = await influx(influxQl([answer]));
    await expect(found(`${url}?db=d`, 'q')).rejects.toMatchObject({
      code: 'refused',
      message: 'InfluxDB refused the query: no query',
    });
  });

  test('that something else answers than an InfluxDB says so', async () => {
    const json = await influx((_request, _body, response) => {
      response.setHeader('content-type', 'application/json');
      response.end('{}');
    });
    await expect(found(`${json}?db=d`, 'q')).rejects.toThrow(
      'answers in application/json, not in application/x-msgpack',
    );
    const missing = await influx((_request, _body, response) => {
      response.statusCode = 404;
      response.end('not here');
    });
    await expect(found(`${missing}?db=d`, 'q')).rejects.toThrow('not here (HTTP 404)');
  });

  test('that nobody answers, or that breaks off, is told as such', async () => {
    await expect(found('http://127.0.0.1:1?db=d', 'q')).rejects.toMatchObject({ code: 'connection' });
    const breaking = await influx((_request, _body, response) => {
      response.setHeader('content-type', 'application/x-msgpack');
      response.write(pack(series([[1n, null, 1n, null, null, null]])).subarray(0, 20), () => {
        response.destroy();
      });
    });
    await expect(found(`${breaking}?db=d`, 'q')).rejects.toMatchObject({ code: 'connection' });
  });

  test('whose rows have no time is no recording', async () => {
    const answer = { results: [{ series: [{ name: 'm', columns: ['fieldKey'], values: [['a']] }] }] };
    const url = await influx(influxQl([answer]));
    await expect(found(`${url}?db=d`, 'SHOW FIELD KEYS')).rejects.toThrow('"m" has rows without a time');
  });
});

describe('a tag and a field of one name', () => {
  const table = (columns: readonly string[], row: readonly unknown[], tags = {}) => ({
    results: [{ series: [{ name: 'm', tags, columns: ['time', ...columns], values: [[1n, ...row]] }] }],
  });
  const query = async (text: string, answer: unknown, tags: readonly string[], fields: readonly string[]) => {
    const url = await influx(influxQl([answer], tags, fields));
    const [point] = await found(`${url}?db=d`, text);
    return { tags: point?.tags, fields: point?.fields };
  };

  test.each([
    'SELECT * FROM m',
    "select * from m where s = 'v, t' -- SELECT t",
    'SELECT * FROM m; SELECT * FROM m',
  ])('stay apart in %s', async (text) => {
    const answer = table(['t', 't_1', 'v'], ['field', 'tag', 2n]);
    expect(await query(text, answer, ['t'], ['t', 'v'])).toEqual({
      tags: { t: 'tag' },
      fields: { t: 'field', v: 2n },
    });
  });

  test('stay apart where the tag is grouped by', async () => {
    const answer = table(['t', 't_1'], ['field', 'other'], { t: 'tag' });
    expect(await query('SELECT * FROM m GROUP BY t', answer, ['t'], ['t', 't_1'])).toEqual({
      tags: { t: 'tag' },
      fields: { t: 'field', t_1: 'other' },
    });
  });

  test('stay apart where only another measurement of the query has the field', async () => {
    const answer = table(['t', 't_1', 'v'], [null, 'tag', 1n]);
    expect(await query('SELECT * FROM m, n', answer, ['t'], ['v'])).toEqual({
      tags: { t: 'tag' },
      fields: { v: 1n },
    });
  });

  test('are no others, though their names look like it', async () => {
    const answer = table(['t', 't_1'], ['tag', 'field']);
    expect(await query('SELECT * FROM m', answer, ['t'], ['t_1'])).toEqual({
      tags: { t: 'tag' },
      fields: { t_1: 'field' },
    });
  });

  test.each([
    ['SELECT t FROM m', ['t'], ['field'], ['t']],
    ['SELECT t::tag, t::field FROM m', ['t', 't_1'], ['tag', 'field'], ['t']],
    ['SELECT * FROM (SELECT * FROM m)', ['t', 't_1'], ['field', 'tag'], ['t']],
    ['SELECT * FROM m', ['t', 't_1', 't_1_1'], ['field', 'tag', 'other'], ['t', 't_1']],
  ])('are refused by name where they cannot be told apart: %s', async (text, columns, row, fields) => {
    await expect(query(text, table(columns, row), ['t'], fields)).rejects.toMatchObject({
      code: 'malformed',
      message: expect.stringMatching(
        /^"t" is ambiguous, as "m" has a tag and a field of that name; SELECT \*/,
      ) as string,
    });
  });

  test('are told by the type where the field is no text', async () => {
    expect(await query('SELECT t FROM m', table(['t'], [5n]), ['t'], ['t'])).toEqual({
      tags: {},
      fields: { t: 5n },
    });
  });
});

test.each([
  [2n ** 63n, 'holds 9223372036854775808, beyond the 64-bit signed integers of a field'],
  [[1n], 'holds a list or an object, which no field can hold'],
])('a value that no field can hold is refused by its column: %s', async (value, problem) => {
  const answer = { results: [{ series: [{ name: 'm', columns: ['time', 'v'], values: [[1n, value]] }] }] };
  const url = await influx(influxQl([answer]));
  await expect(found(`${url}?db=d`, 'SELECT * FROM m')).rejects.toMatchObject({
    code: 'malformed',
    message: `the query's column "v" ${problem}`,
  });
});

describe('a Flux query', () => {
  const csv =
    (lines: readonly string[]): Handler =>
    (request, _body, response) => {
      expect(request.url).toBe('/api/v2/query?org=o');
      response.setHeader('content-type', 'text/csv');
      response.end(lines.join('\r\n'));
    };

  test('finds points of one field each, of every type, with times in nanoseconds', async () => {
    const table = (type: string, field: string, value: string): string[] => [
      `#datatype,string,long,dateTime:RFC3339,${type},string,string,string`,
      '#group,false,false,false,false,true,true,true',
      '#default,_result,,,,,,',
      ',result,table,_time,_value,_field,_measurement,host',
      `,,0,2018-01-03T11:30:51.065000001Z,${value},${field},m,a`,
      '',
    ];
    const url = await influx(
      csv([
        ...table('long', 'i', '9223372036854775807'),
        ...table('double', 'f', '1'),
        ...table('string', 's', 'text'),
        ...table('boolean', 'b', 'true'),
      ]),
    );
    const head = { name: 'm', tags: { host: 'a' }, time: 1514979051065000001n };
    expect(await found(`${url}?org=o&bucket=b`, 'from(bucket: "b")')).toEqual([
      { ...head, fields: { i: 2n ** 63n - 1n } },
      { ...head, fields: { f: 1 } },
      { ...head, fields: { s: 'text' } },
      { ...head, fields: { b: true } },
    ]);
  });

  test('that pivots has all fields in a point', async () => {
    const url = await influx(
      csv([
        '#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,string,string,long,double',
        '#group,false,false,true,false,true,true,false,false',
        '#default,_result,,,,,,,',
        ',result,table,_start,_time,_measurement,host,i,f',
        ',,0,2018-01-01T00:00:00Z,2018-01-03T11:30:51Z,m,a,7,',
        '',
      ]),
    );
    expect(await found(`${url}?org=o&bucket=b`, 'q')).toEqual([
      { name: 'm', tags: { host: 'a' }, fields: { i: 7n }, time: 1514979051000000000n },
    ]);
  });

  test('without pivot keeps a tag and a field of one name apart', async () => {
    const url = await influx(
      csv([
        '#datatype,string,long,dateTime:RFC3339,string,string,string,string',
        '#group,false,false,false,false,true,true,true',
        '#default,_result,,,,,,',
        ',result,table,_time,_value,_field,_measurement,t',
        ',,0,2018-01-03T11:30:51Z,field,t,m,tag',
        '',
      ]),
    );
    expect(await found(`${url}?org=o&bucket=b`, 'q')).toMatchObject([
      { tags: { t: 'tag' }, fields: { t: 'field' } },
    ]);
  });

  test.each([
    [
      '_time,_measurement,v',
      'dateTime:RFC3339,string,dateTime:RFC3339',
      '2018-01-03T11:30:51Z',
      '"v" has the type dateTime:RFC3339, which no field can hold',
    ],
    ['_time,_measurement,t,t', 'dateTime:RFC3339,string,string,string', 'a,b', '"t" is there twice'],
    [
      '_time,_measurement,_field,_value,x',
      'dateTime:RFC3339,string,string,double,long',
      'f,1,2',
      '"x" stands beside _field and _value',
    ],
    [
      '_time,_measurement,u',
      'dateTime:RFC3339,string,unsignedLong',
      '9223372036854775808',
      '"u" holds 9223372036854775808, beyond',
    ],
  ])('is refused by its column %s, of the types %s', async (labels, types, rest, problem) => {
    const count = labels.split(',').length;
    const url = await influx(
      csv([
        `#datatype,string,long,${types}`,
        `#group,false,false${',false'.repeat(count)}`,
        `#default,_result,${','.repeat(count)}`,
        `,result,table,${labels}`,
        `,,0,2018-01-03T11:30:51Z,m,${rest}`,
        '',
      ]),
    );
    await expect(found(`${url}?org=o&bucket=b`, 'q')).rejects.toMatchObject({
      code: 'malformed',
      message: expect.stringContaining(`the query's column ${problem}`) as string,
    });
  });

  test('that the server refuses throws its words', async () => {
    const url = await influx((_request, _body, response) => {
      response.statusCode = 400;
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ code: 'invalid', message: 'compilation failed' }));
    });
    await expect(found(`${url}?org=o&bucket=b`, 'q')).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining('compilation failed') as string,
    });
  });
});

describe('MessagePack', () => {
  async function unpacked(chunks: readonly Buffer[], maxBytes?: number): Promise<MsgpackValue[]> {
    const values: MsgpackValue[] = [];
    // eslint-disable-next-line @typescript-eslint/require-await -- a body's chunks are asynchronous
    const source = async function* (): AsyncGenerator<Buffer> {
      yield* chunks;
    };
    for await (const value of decodeMsgpack(source(), maxBytes)) values.push(value);
    return values;
  }

  test('is read however its bytes arrive', async () => {
    const { value } = fc.letrec<{ value: MsgpackValue }>((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.constant(null),
        fc.boolean(),
        fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
        fc.double({ noNaN: true }),
        fc.string(),
        fc.array(tie('value')),
        fc.dictionary(fc.string(), tie('value'), { noNullPrototype: true }),
      ),
    }));
    await fc.assert(
      fc.asyncProperty(fc.array(value), async (values) => {
        const bytes = Buffer.concat(values.map(pack));
        expect(await unpacked([bytes])).toEqual(values);
        expect(await unpacked(Array.from(bytes, (byte) => Buffer.from([byte])))).toEqual(values);
      }),
      runs(50),
    );
  });

  test.each([
    ['cc ff', 255n],
    ['cd 01 00', 256n],
    ['ce ff ff ff ff', 4_294_967_295n],
    ['cf ff ff ff ff ff ff ff ff', 2n ** 64n - 1n],
    ['d0 80', -128n],
    ['d1 80 00', -32_768n],
    ['d2 80 00 00 00', -2_147_483_648n],
    ['7f', 127n],
    ['e0', -32n],
    ['ca 3f 80 00 00', 1],
    ['a2 68 69', 'hi'],
    ['d9 02 68 69', 'hi'],
    ['da 00 02 68 69', 'hi'],
    ['92 01 02', [1n, 2n]],
    ['dc 00 01 01', [1n]],
    ['81 a1 61 01', { a: 1n }],
    ['de 00 01 a1 61 01', { a: 1n }],
  ])('%s is read in its short form', async (hex, value) => {
    expect(await unpacked([Buffer.from(hex.replaceAll(' ', ''), 'hex')])).toEqual([value]);
  });

  test('that is none, ends early, is nested too deeply or is too large is refused', async () => {
    await expect(unpacked([Buffer.from([0xc1])])).rejects.toThrow('it has a value of type 0xc1');
    await expect(unpacked([Buffer.from([0x92, 1])])).rejects.toThrow('it ends too early');
    await expect(unpacked([Buffer.alloc(100, 0x91)])).rejects.toThrow('its parts are nested too deeply');
    await expect(unpacked([Buffer.from([0x81, 1, 1])])).rejects.toThrow('a key in it is no text');
    const endless = [
      Buffer.from([0xdb, 0xff, 0xff, 0xff, 0xff]),
      ...Array.from({ length: 9 }, () => Buffer.alloc(999)),
    ];
    await expect(unpacked(endless, 1_000)).rejects.toThrow('a part of it is larger than 1000 bytes');
  });
});
