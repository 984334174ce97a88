import { expect, test } from 'vitest';
import { isSecretName, redactCredentials } from '../../src/http/credentials.js';

test.each([
  ["cannot read 'http://me:hunter2@host/a': gone", "cannot read 'http://***@host/a': gone"],
  ['no file matches localhost:1?db=a&u=me&p=hunter2', 'no file matches localhost:1?db=a&u=***&p=***'],
  ['cannot read me:hunter2@host:1: gone', 'cannot read ***@host:1: gone'],
  ['unknown "http://h?token=hunter2"; try', 'unknown "http://h?token=***"; try'],
  ['http://me:hun/ter2?@host', 'http://***@host'],
])('a message keeps no credentials: %s', (message, redacted) => {
  expect(redactCredentials(message)).toBe(redacted);
});

test.each([
  'data.lp, line 12: it has no field',
  'no answer from InfluxDB at http://localhost:8086?db=a: connect ECONNREFUSED 127.0.0.1:8086',
  'the point of group "host=a" at 12; see https://example.com/a#b',
  'm,a=b u=1,p="x" 1',
])('a message without credentials stays as it is: %s', (message) => {
  expect(redactCredentials(message)).toBe(message);
});

test('a long word is scanned once', () => {
  const message = `refused: ${'x'.repeat(1_000_000)}`; // minutes if from each character
  expect(redactCredentials(message)).toBe(message);
});

test('names of secrets are known in every spelling', () => {
  for (const name of ['u', 'P', 'password', 'API-KEY', 'user_name', 'Token'])
    expect(isSecretName(name)).toBe(true);
  for (const name of ['db', 'rp', 'org', 'bucket', 'precision', 'pp']) expect(isSecretName(name)).toBe(false);
});
