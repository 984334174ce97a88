import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished, type TestContext } from 'vitest';
import { tempDir } from './temp-dir.js';

/** A directory on a file system of 64 KiB. Skips the test where none can be mounted. */
export function smallDisk({ skip }: Pick<TestContext, 'skip'>): string {
  const directory = join(tempDir(), 'disk');
  mkdirSync(directory);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', directory], { stdio: 'ignore' });
  } catch {
    skip('only root may mount the small disk that this test fills');
  }
  onTestFinished(() => {
    execFileSync('umount', ['-l', directory]);
  });
  return directory;
}
