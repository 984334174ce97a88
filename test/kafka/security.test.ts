import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readSecurity } from '../../src/kafka/security.js';
import { tempDir } from '../support/temp-dir.js';

describe('the connection', () => {
  test('is in the clear and without sign-in unless told', () => {
    expect(readSecurity({}, {})).toEqual({ tls: undefined, sasl: undefined });
  });

  test('is encrypted by --tls, and by each file that belongs to it', () => {
    const file = join(tempDir(), 'ca.pem');
    writeFileSync(file, 'some certificate');
    expect(readSecurity({ tls: true }, {}).tls).toEqual({});
    expect(readSecurity({ tlsCa: file }, {}).tls).toEqual({ ca: Buffer.from('some certificate') });
    const certificate = { tlsCert: file, tlsKey: file };
    expect(readSecurity(certificate, { KAFKA_TLS_KEY_PASSWORD: 'secret' }).tls).toMatchObject({
      passphrase: 'secret',
    });
  });

  test('has its credentials from the environment, or from files that it names', () => {
    const file = join(tempDir(), 'password');
    writeFileSync(file, 'secret\n');
    const environment = { KAFKA_USERNAME: 'worker', KAFKA_PASSWORD_FILE: file };
    expect(readSecurity({ sasl: 'SCRAM-SHA-512' }, environment).sasl).toEqual({
      mechanism: 'SCRAM-SHA-512',
      username: 'worker',
      password: 'secret',
    });
  });

  test.each([
    [
      'a file that is missing',
      { tlsCa: '/does/not/exist' },
      {},
      'invalid_config',
      '--tls-ca /does/not/exist cannot be read',
    ],
    [
      'a certificate without its key',
      { tlsCert: '/cert' },
      {},
      'usage',
      'needs both --tls-cert and --tls-key',
    ],
    [
      'credentials that are missing',
      { sasl: 'PLAIN' as const },
      {},
      'usage',
      '--sasl PLAIN needs KAFKA_USERNAME',
    ],
    ['credentials without --sasl', {}, { KAFKA_USERNAME: 'worker' }, 'usage', 'KAFKA_USERNAME is set'],
  ])('is refused with %s', (_what, settings, environment, code, message) => {
    const read = () => readSecurity(settings, environment);
    expect(read).toThrow(expect.objectContaining({ code }));
    expect(read).toThrow(message);
  });
});
