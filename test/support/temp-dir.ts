import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, onTestFinished } from 'vitest';

/** A new directory that is removed with all that is in it when the test is over. Its path is short enough for sockets. */
export function tempDir(): string {
  const directory = make();
  onTestFinished(() => {
    remove(directory);
  });
  return directory;
}

/** As `tempDir`, for all tests of a file or of a `describe`, outside of which it must not be called. */
export function tempDirForFile(): string {
  const directory = make();
  afterAll(() => {
    remove(directory);
  });
  return directory;
}

function make(): string {
  return mkdtempSync(join(tmpdir(), 'ku-'));
}

function remove(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
}
