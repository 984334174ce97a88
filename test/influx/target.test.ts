import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { describeTarget, influxTarget } from '../../src/influx/target.js';

describe('the target of a write to InfluxDB', () => {
  it('is a database of version 1, with or without a retention policy', () => {
    expect(influxTarget('http://localhost:8086?db=udf', {})).toEqual({
      url: 'http://localhost:8086',
      store: { database: 'udf', retentionPolicy: '' },
      authorization: undefined,
    });
    expect(influxTarget('http://localhost:8086/?db=udf&rp=week', {}).store).toEqual({
      database: 'udf',
      retentionPolicy: 'week',
    });
  });

  it('is a bucket of version 2, behind a path if the server is', () => {
    expect(influxTarget('https://influx.example/base/?org=home&bucket=adsl', {})).toMatchObject({
      url: 'https://influx.example/base',
      store: { org: 'home', bucket: 'adsl' },
    });
  });

  it.each([
    'localhost',
    'ftp://localhost?db=a',
    'http://localhost:8086',
    'http://localhost:8086?db=a&bucket=b',
    'http://localhost:8086?db=a&org=b',
    'http://localhost:8086?org=a&bucket=b&rp=c',
    'http://localhost:8086?db=a&precision=s',
    'http://localhost:8086?db=a&consistency=all',
  ])('is not %s', (text) => {
    expect(() => influxTarget(text, {})).toThrow(expect.objectContaining({ code: 'invalid_config' }));
  });

  it.each([
    'http://me:secret@localhost:8086?db=udf',
    'http://localhost:8086?db=udf&u=me&p=secret',
    'http://localhost:8086?org=o&bucket=b&token=secret',
  ])('takes no credentials from the command line, and does not repeat them: %s', (text) => {
    const read = (): unknown => influxTarget(text, {});

    expect(read).toThrow(/INFLUX_USERNAME and INFLUX_PASSWORD/);
    expect(read).not.toThrow(/secret/);
  });

  it('takes a token, or a name and a password, from the environment', () => {
    const authorization = (environment: Record<string, string>): string | undefined =>
      influxTarget('http://localhost:8086?db=udf', environment).authorization;

    expect(authorization({ INFLUX_TOKEN: 't0' })).toBe('Token t0');
    expect(authorization({ INFLUX_USERNAME: 'me', INFLUX_PASSWORD: 'pä:ss' })).toBe(
      `Basic ${Buffer.from('me:pä:ss').toString('base64')}`,
    );
  });

  it('takes them from files, as containers hand over secrets', () => {
    const directory = mkdtempSync(join(tmpdir(), 'kapacitor-udf-'));
    onTestFinished(() => {
      rmSync(directory, { recursive: true });
    });
    const file = join(directory, 'token');
    writeFileSync(file, 'from-a-file\n');

    const { authorization } = influxTarget('http://localhost:8086?db=udf', { INFLUX_TOKEN_FILE: file });

    expect(authorization).toBe('Token from-a-file');
    expect(() => influxTarget('http://h?db=udf', { INFLUX_TOKEN_FILE: join(directory, 'none') })).toThrow(
      /INFLUX_TOKEN_FILE cannot be read/,
    );
  });

  it('is described without its credentials', () => {
    const target = influxTarget('http://localhost:8086?db=udf', { INFLUX_TOKEN: 'secret' });

    expect(describeTarget(target)).toBe('http://localhost:8086 database udf');
  });
});
