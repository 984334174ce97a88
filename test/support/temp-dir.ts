import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A new directory that is removed with all that is in it when the test is over. Its path is short enough for sockets. */
export function tempDir(): string {
  const directory = mkdtempSync(join(tmpdir(), 'ku-'));
  onTestFinished(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}
