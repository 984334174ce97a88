import { chmodSync, existsSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { makeDirectory } from '../../src/files/make-directory.js';
import { tempDir } from '../support/temp-dir.js';

const modeOf = (path: string): number => statSync(path).mode & 0o7777;

function setUmask(mask: number): void {
  const before = process.umask(mask);
  onTestFinished(() => void process.umask(before));
}

describe('a directory that is made', () => {
  test.each([0o000, 0o022, 0o077, 0o777])('has mode 0750, and so have its parents, with umask %o', (mask) => {
    const parent = tempDir();
    setUmask(mask);
    makeDirectory(join(parent, 'a', 'b'));
    for (const path of ['a', 'a/b']) expect(modeOf(join(parent, path))).toBe(0o750);
  });

  test('keeps the set-group-ID bit of its parent', () => {
    const parent = tempDir();
    chmodSync(parent, 0o2770);
    setUmask(0o077);
    makeDirectory(join(parent, 'a'));
    expect(modeOf(join(parent, 'a'))).toBe(0o2750);
  });

  test('stays as it is if it exists, also behind a link', () => {
    const parent = tempDir();
    const path = join(parent, 'a');
    mkdirSync(path);
    chmodSync(path, 0o705);
    symlinkSync(path, join(parent, 'link'));
    makeDirectory(path);
    makeDirectory(join(parent, 'link'));
    expect(modeOf(path)).toBe(0o705);
  });
});

describe('a directory that cannot be made is refused at once', () => {
  test.runIf(existsSync('/proc/self'))('where the file system takes none', () => {
    expect(() => {
      makeDirectory('/proc/kapacitor-udf/a');
    }).toThrow(
      expect.objectContaining({
        code: 'invalid_config',
        message: 'cannot make the directory /proc/kapacitor-udf/a: its file system takes no new directories',
      }),
    );
  });

  test.each(['file', 'file/a', 'file/a/b'])('where a file is in the way: %s', (path) => {
    const parent = tempDir();
    writeFileSync(join(parent, 'file'), '');
    expect(() => {
      makeDirectory(join(parent, path));
    }).toThrow(/^cannot make the directory .*: .*not a directory$/);
  });

  test('where a link leads nowhere', () => {
    const path = join(tempDir(), 'link');
    symlinkSync('/nowhere/at/all', path);
    expect(() => {
      makeDirectory(path);
    }).toThrow(/^cannot make the directory /);
  });
});
