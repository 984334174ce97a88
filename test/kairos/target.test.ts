import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isKairosUrl, kairosTarget } from '../../src/kairos/target.js';
import { tempDir } from '../support/temp-dir.js';

describe('the URL of a KairosDB', () => {
  it('has a scheme of its own', () => {
    expect(['kairosdb+http://h', 'KAIROSDB+HTTPS://h'].map(isKairosUrl)).toEqual([true, true]);
    expect(['http://h', 'http://kairosdb:1'].map(isKairosUrl)).toEqual([false, false]);
  });

  it('names the server, a default tag and whether times are rounded', () => {
    expect(kairosTarget('kairosdb+http://h:8080/', {})).toEqual({
      url: 'http://h:8080',
      authorization: undefined,
      defaultTag: undefined,
      roundsTimes: false,
    });
    expect(kairosTarget('kairosdb+https://h/tsdb?tag=site=a=b&precision=ms', {})).toEqual({
      url: 'https://h/tsdb',
      authorization: undefined,
      defaultTag: { name: 'site', value: 'a=b' },
      roundsTimes: true,
    });
  });

  it('has its credentials in the environment or in files', () => {
    const file = join(tempDir(), 'password');
    writeFileSync(file, 'pw\n');
    const expected = { authorization: `Basic ${Buffer.from('me:pw').toString('base64')}` };
    const url = 'kairosdb+http://h';
    expect(kairosTarget(url, { KAIROSDB_USERNAME: 'me', KAIROSDB_PASSWORD: 'pw' })).toMatchObject(expected);
    expect(kairosTarget(url, { KAIROSDB_USERNAME: 'me', KAIROSDB_PASSWORD_FILE: file })).toMatchObject(
      expected,
    );
  });

  it.each([
    ['kairosdb+http://me:secret@h', 'h: give credentials in KAIROSDB_USERNAME and KAIROSDB_PASSWORD'],
    [
      'kairosdb+ftp://h:1',
      '"kairosdb+ftp://h:1" is no URL of a KairosDB, such as kairosdb+http://localhost:8080',
    ],
    ['kairosdb+ftp://me:secret@h', 'this is no URL of a KairosDB, such as kairosdb+http://localhost:8080'],
    ['kairosdb://h:8080', '"kairosdb://h:8080" is no URL of a KairosDB'],
    ['kairosdb+h:8080', '"kairosdb+h:8080" is no URL of a KairosDB'],
    ['kairosdb+http://', '"kairosdb+http://" is no URL of a KairosDB'],
    ['kairosdb+', '"kairosdb+" is no URL of a KairosDB'],
    ['kairosdb+http://h:80800', "the URL's port 80800 is above 65535"],
    ['kairosdb+http://h?db=x', 'the URL\'s parameter "db" is not supported: KairosDB has no databases'],
    ['kairosdb+http://h?tags=a=b', 'the URL has an unknown parameter "tags"; did you mean tag?'],
    ['kairosdb+http://h?tag=a', "kairosdb+http://h: the URL's parameter tag must be NAME=VALUE"],
    ['kairosdb+http://h?tag==a', "the URL's parameter tag must be NAME=VALUE"],
    ['kairosdb+http://h?precision=ns', "the URL's parameter precision must be ms"],
  ])('is refused if it is %s', (text, message) => {
    expect(() => kairosTarget(text, {})).toThrow(
      expect.objectContaining({
        code: 'invalid_config',
        message: expect.stringContaining(message) as string,
      }),
    );
  });
});
