import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type KapacitorSettings, readSettings } from '../../src/kapacitor/conf-settings.js';
import { tempDir } from '../support/temp-dir.js';

function read(text: string): KapacitorSettings {
  const file = join(tempDir(), 'kapacitor.conf');
  writeFileSync(file, text);
  return readSettings(file);
}

describe('the settings of a kapacitor.conf', () => {
  test('have the defaults of Kapacitor where they are not given', () => {
    expect(read('')).toEqual({
      udfs: [],
      snapshotIntervalMs: 60_000,
      boltdb: '/var/lib/kapacitor/kapacitor.db',
      httpAddress: ':9092',
    });
  });

  test('name where the API listens', () => {
    expect(read('[http]\nbind-address = "127.0.0.1:9192"\n').httpAddress).toBe('127.0.0.1:9192');
  });

  test('name how each UDF is reached', () => {
    const { udfs } = read(
      '[udf.functions.a]\nsocket = "/a"\ntimeout = "10s"\n[udf.functions.b]\nprog = "node"\n[udf.functions.c]\nsocket = 5\n',
    );
    expect(udfs).toEqual([
      { name: 'a', socket: '/a', prog: undefined, timeoutMs: 10_000 },
      { name: 'b', socket: undefined, prog: 'node', timeoutMs: undefined },
      { name: 'c', socket: undefined, prog: undefined, timeoutMs: undefined },
    ]);
  });

  test.each([
    ['"0"', 0],
    ['"0s"', 0],
    ['"1m30s"', 90_000],
    ['"1.5h"', 5_400_000],
    ['"250us"', 0.25],
    ['"soon"', 60_000],
    ['30', 60_000],
  ])('read a duration as Go does: %s', (text, expected) => {
    expect(read(`[task]\nsnapshot-interval = ${text}\n`).snapshotIntervalMs).toBe(expected);
  });

  test('of a file that is no TOML are refused with their place', () => {
    expect(() => read('[task\n')).toThrow(/kapacitor.conf:1:\d+: /);
  });
});
