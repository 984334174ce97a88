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
    for (const name of ['KAPACITORD', 'KAPACITOR_IMAGE', 'TEST_SERVERS']) vi.stubEnv(name, '');
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
    expect(findServer('KAPACITORD')).toEqual({ kind: 'binary', path: binary('kapacitord') });
  });

  it('are those that the environment names, before those on the PATH', () => {
    vi.stubEnv('KAPACITORD', binary('another'));
    expect(findServer('KAPACITORD')).toEqual({ kind: 'binary', path: binary('another') });
  });

  it('that are not there are named, with the way to give them', () => {
    rmSync(binary('kapacitord'));
    expect(howToGive(missingServers(['KAPACITORD']))).toBe(
      'no kapacitord on the PATH, and no image kapacitor:1.8 in a Docker engine; to run the tests against real servers, ' +
        'set KAPACITORD=/path/to/kapacitord, or pull the images (others: KAPACITOR_IMAGE)',
    );
  });

  it('that the environment names wrongly are an error, not a reason to skip', () => {
    chmodSync(binary('another'), 0o644);
    vi.stubEnv('KAPACITORD', binary('another'));
    expect(() => findServer('KAPACITORD')).toThrow(
      `KAPACITORD names ${binary('another')}, which is not an executable file`,
    );
  });

  describe('in containers', () => {
    /** A Docker that has just one image. */
    const dockerWith = (image: string): void => {
      writeFileSync(binary('docker'), `#!/bin/sh\n[ "$*" = 'image inspect ${image}' ]\n`);
      chmodSync(binary('docker'), 0o755);
    };

    it('are of the image that compose.yaml uses, where there is no binary', () => {
      rmSync(binary('kapacitord'));
      dockerWith('kapacitor:1.8');
      expect(findServer('KAPACITORD')).toEqual({ kind: 'image', image: 'kapacitor:1.8' });
    });

    it('are of the image that the environment names', () => {
      rmSync(binary('kapacitord'));
      dockerWith('my/kapacitor:7');
      vi.stubEnv('KAPACITOR_IMAGE', 'my/kapacitor:7');
      expect(findServer('KAPACITORD')).toEqual({ kind: 'image', image: 'my/kapacitor:7' });
    });

    it('are taken before a binary if the environment says so, and not at all if it says the other', () => {
      dockerWith('kapacitor:1.8');
      vi.stubEnv('TEST_SERVERS', 'containers');
      expect(findServer('KAPACITORD')).toMatchObject({ kind: 'image' });
      vi.stubEnv('TEST_SERVERS', 'binaries');
      expect(findServer('KAPACITORD')).toMatchObject({ kind: 'binary' });
      rmSync(binary('kapacitord'));
      expect(findServer('KAPACITORD')).toBeUndefined();
    });

    it('are not pulled: an image that the engine does not have is missing', () => {
      rmSync(binary('kapacitord'));
      dockerWith('influxdb:1.8');
      expect(missingServers(['KAPACITORD'])).toEqual(['KAPACITORD']);
    });

    it('asked for in a way that there is not are an error', () => {
      vi.stubEnv('TEST_SERVERS', 'both');
      expect(() => findServer('KAPACITORD')).toThrow(
        'TEST_SERVERS is "both"; it can be binaries or containers',
      );
    });
  });
});
