import { describe, expect, it } from 'vitest';
import { feedTarget } from '../../src/feed/feed-target.js';

const environment = {
  INFLUX_TOKEN: 'token',
  KAPACITOR_USERNAME: 'me',
  KAPACITOR_PASSWORD: 'word',
};
const basic = `Basic ${Buffer.from('me:word').toString('base64')}`;

describe('where feed writes to', () => {
  it('is an InfluxDB, with the credentials of InfluxDB', () => {
    expect(feedTarget({ url: 'http://db:8086?db=telegraf' }, environment)).toEqual({
      url: 'http://db:8086',
      store: { database: 'telegraf', retentionPolicy: '' },
      authorization: 'Token token',
    });
  });

  it('is a Kapacitor, with the credentials of Kapacitor', () => {
    expect(feedTarget({ kapacitor: 'http://k:9092/base/?db=telegraf&rp=week' }, environment)).toEqual({
      url: 'http://k:9092/base',
      store: { database: 'telegraf', retentionPolicy: 'week' },
      authorization: basic,
    });
  });

  it.each([
    [{}, /^name either --url or --kapacitor$/],
    [{ url: 'http://a?db=b', kapacitor: 'http://c?db=d' }, /^name either --url or --kapacitor$/],
    [{ kapacitor: 'http://k:9092' }, /^--kapacitor http:\/\/k:9092: name a database, \?db=NAME\[&rp=NAME\]$/],
    [{ kapacitor: 'http://k:9092?bucket=b' }, /unknown parameter "bucket"; known are db, rp/],
    [{ kapacitor: 'http://k:9092?db=b&precision=s' }, /unknown parameter "precision"/],
    [{ kapacitor: 'k:9092?db=b' }, /^"k:9092" is no URL of a Kapacitor, such as http:/],
    [{ kapacitor: 'http://me:secret@k?db=b' }, /^k: give credentials in KAPACITOR_USERNAME and /],
    [{ url: 'ftp://me:secret@db?db=b' }, /^this is no URL of an InfluxDB, such as http:/],
  ])('is told to be wrong in one line: %j', (options, message) => {
    expect(() => feedTarget(options, environment)).toThrow(message);
  });
});
