import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseServerUrl, type ServerKind } from '../../src/http/server-url.js';
import { runs } from '../support/runs.js';

const kind: ServerKind = {
  what: 'a server',
  example: 'http://localhost:1',
  credentials: 'SERVER_PASSWORD',
  unsupported: { precision: 'times are in nanoseconds' },
};
const parse = (text: string) => parseServerUrl(text, kind, ['db', 'rp']);

test("a server's URL is its base and its parameters", () => {
  expect(parse('https://host:1/base//?db=a%26b&rp=')).toEqual({
    base: 'https://host:1/base',
    parameters: new Map([
      ['db', 'a&b'],
      ['rp', ''],
    ]),
  });
});

describe('a URL is refused by name', () => {
  test.each([
    [
      'http://h?db=a&precision=s',
      'h: the URL\'s parameter "precision" is not supported: times are in nanoseconds',
    ],
    ['http://h?dp=a', 'h: the URL has an unknown parameter "dp"; did you mean db?'],
    ['http://h?database=a', 'h: the URL has an unknown parameter "database"; known are db, rp'],
    ['http://h?__proto__=a', 'h: the URL has an unknown parameter "__proto__"; known are db, rp'],
    ['http://h?db=a&DB=b', 'h: the URL has an unknown parameter "DB"; did you mean db?'],
    ['http://h?db=a&db=b', 'h: the URL\'s parameter "db" is given twice'],
    ['http://h?db=a#b', 'h: the URL has a part behind #; write a # in a name as %23'],
    ['http://h?db=a&hunter2', 'h: the URL has an unknown parameter'],
    ['http://h:65536?db=a', "the URL's port 65536 is above 65535"],
    ['http://u:65536/1@h', 'this is no URL of a server, such as http://localhost:1'], // may be a password
    ['ftp://h/x?db=a', '"ftp://h/x" is no URL of a server, such as http://localhost:1'],
    ['h:1?db=a', '"h:1" is no URL of a server, such as http://localhost:1'],
    ['', 'this is no URL of a server, such as http://localhost:1'],
  ])('%s', (text, message) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'invalid_config', message }));
  });
});

describe('credentials are refused, and not repeated, wherever they stand', () => {
  const places = [
    'http://me:hunter2@host',
    'http://hunter2@host?db=a',
    'http://:hunter2@host?db=a',
    'http://host?db=a&u=me&p=hunter2',
    'http://host?P=hunter2',
    'http://host?token=hunter2',
    'http://host?db=a&access_token=hunter2&x=1',
    'http://host?db=a&username=hunter2',
    'http://host?password=a&hunter2',
    'http://host?%70=hunter2',
    'http://host#p=hunter2',
    'localhost:8086?db=a&u=me&p=hunter2',
    'me:hunter2@localhost:8086',
    'ftp://me:hunter2@host',
    'http://me:hunter2',
    'http:hunter2@',
    'http://me:hunter2@x@host',
    'http://me:12/hunter2@host',
    'hunter2@host/a',
    'ftp://host/a;hunter2',
  ];

  test.each(places)('%s', (text) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'invalid_config' }));
    expect(() => parse(text)).not.toThrow(/hunter2/);
  });

  test('whatever the secret is', () => {
    const secret = fc.string({ minLength: 8, maxLength: 12 }).map((text) => `hunter2${text}`);
    fc.assert(
      fc.property(
        secret,
        fc.constantFrom('http://me:S@h', 'me:S@h', 'http://h?p=S', 'h:1?token=S'),
        (s, shape) => {
          expect(() => parse(shape.replace('S', () => s))).toThrow();
          expect(() => parse(shape.replace('S', () => s))).not.toThrow(/hunter2/);
        },
      ),
      runs(300),
    );
  });
});
