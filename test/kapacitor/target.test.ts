import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { kapacitorTarget, kapacitorWriteTarget } from '../../src/kapacitor/target.js';
import { tempDir } from '../support/temp-dir.js';

const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

describe('where Kapacitor is', () => {
  it('is what the command line says, else the environment, else this machine', () => {
    const environment = { KAPACITOR_URL: 'http://there:9092' };
    expect(kapacitorTarget('https://here:1/base/', environment)).toEqual({ url: 'https://here:1/base' });
    expect(kapacitorTarget(undefined, environment)).toEqual({ url: 'http://there:9092' });
    expect(kapacitorTarget(undefined, { KAPACITOR_URL: '' })).toEqual({ url: 'http://localhost:9092' });
  });

  it('takes credentials from the environment or from files', () => {
    const file = join(tempDir(), 'password');
    writeFileSync(file, 'seçret\n');
    const user = { KAPACITOR_USERNAME: 'me' };
    const authorization = (more: object) => kapacitorTarget(undefined, { ...user, ...more }).authorization;
    expect(authorization({ KAPACITOR_PASSWORD: 'word' })).toBe(basic('me:word'));
    expect(authorization({ KAPACITOR_PASSWORD_FILE: file })).toBe(basic('me:seçret'));
    expect(() => authorization({ KAPACITOR_PASSWORD_FILE: '/nowhere' })).toThrow(
      /^KAPACITOR_PASSWORD_FILE cannot be read: /,
    );
  });

  it.each([
    'http://me:secret@host:9092',
    'ftp://me:secret@host',
    'me:secret@host',
    'localhost:9092?u=me&p=secret',
    'http://localhost:9092/?u=me&p=secret',
    'http://localhost:9092/#secret',
  ])('takes none from the command line, and does not repeat them: %s', (text) => {
    const read = (): unknown => kapacitorTarget(text, {});
    expect(read).toThrow(expect.objectContaining({ code: 'invalid_config' }));
    expect(read).not.toThrow(/secret/);
  });
});

describe('where in Kapacitor to write', () => {
  it('is a database and a retention policy', () => {
    expect(
      kapacitorWriteTarget('http://k:9092/base/?db=telegraf&rp=week', { KAPACITOR_USERNAME: 'me' }),
    ).toEqual({
      url: 'http://k:9092/base',
      database: 'telegraf',
      retentionPolicy: 'week',
      authorization: basic('me:'),
    });
  });

  it.each([
    ['http://k:9092', /^http:\/\/k:9092: name a database, \?db=NAME\[&rp=NAME\]$/],
    ['http://k:9092?bucket=b', /unknown parameter "bucket"; known are db, rp/],
    ['http://k:9092?db=b&precision=s', /unknown parameter "precision"/],
    ['k:9092?db=b', /^"k:9092" is no URL of a Kapacitor, such as http:/],
    ['http://me:secret@k?db=b', /^k: give credentials in KAPACITOR_USERNAME and /],
  ])('is refused in one line: %s', (text, message) => {
    expect(() => kapacitorWriteTarget(text, {})).toThrow(message);
  });
});
