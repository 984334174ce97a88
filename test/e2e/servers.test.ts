import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { findServer, howToGive, missingServers } from './support/servers.js';

// Vitest shows no titles of skipped suites; this is the one line that says why they are.
const missing = missingServers(['KAPACITORD', 'INFLUXD']);
if (missing.length > 0) console.warn(`test/e2e is skipped, in part or whole: ${howToGive(missing)}`);

describe('The real servers of these tests', () => {
  let folder: string;
  const binary = (name: string): string => join(folder, name);

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'kapacitor-udf-'));
    vi.stubEnv('KAPACITORD', '');
    vi.stubEnv('PATH', folder);
    for (const name of ['kapacitord', 'another']) {
      writeFileSync(binary(name), '');
      chmodSync(binary(name), 0o755);
    }
  });

  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });

  it('are found on the PATH', () => {
    expect(findServer('KAPACITORD')).toBe(binary('kapacitord'));
  });

  it('are those that the environment names, before those on the PATH', () => {
    vi.stubEnv('KAPACITORD', binary('another'));
    expect(findServer('KAPACITORD')).toBe(binary('another'));
  });

  it('that are not there are named, with the way to give them', () => {
    rmSync(binary('kapacitord'));
    expect(howToGive(missingServers(['KAPACITORD']))).toBe(
      'kapacitord not found on the PATH; to run the tests against real servers, set KAPACITORD=/path/to/kapacitord',
    );
  });

  it('that the environment names wrongly are an error, not a reason to skip', () => {
    chmodSync(binary('another'), 0o644);
    vi.stubEnv('KAPACITORD', binary('another'));
    expect(() => findServer('KAPACITORD')).toThrow(
      `KAPACITORD names ${binary('another')}, which is not an executable file`,
    );
  });
});
