import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { FileWatcher } from '../../src/files/watch-files.js';
import { tempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

interface Watched {
  readonly path: (name: string) => string;
  readonly watcher: FileWatcher;
  /** The files of each call. */
  readonly changes: (readonly string[])[];
}

function watched(names: readonly string[], existing = names): Watched {
  const directory = tempDir();
  const path = (name: string): string => join(directory, name);
  for (const name of existing) {
    mkdirSync(join(path(name), '..'), { recursive: true });
    writeFileSync(path(name), 'old');
  }
  const changes: (readonly string[])[] = [];
  const watcher = new FileWatcher(names.map(path), (files) => {
    changes.push(files);
    return Promise.resolve();
  });
  onTestFinished(() => {
    watcher.close();
  });
  return { path, watcher, changes };
}

const changed = ({ changes }: Watched, count = 1): Promise<void> =>
  until(`${count} changes`, () => changes.length >= count);

test('a written file is reported, once for several writes, and no other file of its directory', async () => {
  const files = watched(['a.ts', 'b.ts']);
  const { path, changes } = files;
  writeFileSync(path('other.ts'), 'new');
  for (let round = 0; round < 5; round++) writeFileSync(path('a.ts'), `new ${round}`);
  await changed(files);
  writeFileSync(path('b.ts'), 'new');
  await changed(files, 2);
  expect(changes).toEqual([[path('a.ts')], [path('b.ts')]]);
});

test('a file that is replaced, as editors save it, is reported each time', async () => {
  const files = watched(['a.ts']);
  const { path } = files;
  for (let round = 1; round <= 2; round++) {
    writeFileSync(path('a.ts.tmp'), `new ${round}`);
    renameSync(path('a.ts.tmp'), path('a.ts'));
    await changed(files, round);
  }
});

test('a file is reported when it is made, also with the directories above it', async () => {
  const files = watched(['there.ts', 'src/shared/missing.ts'], ['there.ts']);
  const { path, changes } = files;
  mkdirSync(path('src/shared'), { recursive: true });
  writeFileSync(path('src/shared/missing.ts'), 'new');
  await changed(files);
  expect(changes).toEqual([[path('src/shared/missing.ts')]]);
});

test('a directory that is removed and made again is watched as before', async () => {
  const files = watched(['src/a.ts']);
  const { path } = files;
  rmSync(path('src'), { recursive: true });
  await changed(files);
  mkdirSync(path('src'));
  writeFileSync(path('src/a.ts'), 'new');
  await changed(files, 2);
  writeFileSync(path('src/a.ts'), 'newer');
  await changed(files, 3);
});

test('what changes while a change is handled is handled after it', async () => {
  const directory = tempDir();
  const path = join(directory, 'a.ts');
  writeFileSync(path, '0');
  let running = 0;
  let calls = 0;
  const watcher = new FileWatcher([path], async () => {
    running++;
    expect(running).toBe(1);
    if (++calls === 1) writeFileSync(path, '0123');
    await new Promise(setImmediate);
    running--;
  });
  onTestFinished(() => {
    watcher.close();
  });
  writeFileSync(path, '01');
  await until('the second change is handled', () => calls === 2);
});

test('other files can be watched instead', async () => {
  const files = watched(['a.ts', 'b.ts']);
  const { path, watcher, changes } = files;
  watcher.setFiles([path('b.ts')]);
  writeFileSync(path('a.ts'), 'new');
  writeFileSync(path('b.ts'), 'new');
  await changed(files);
  expect(changes).toEqual([[path('b.ts')]]);
});

test('a file that is watched anew is reported if it was changed since its reader began, and not if before', async () => {
  const files = watched(['a.ts', 'old.ts', 'new.ts'], ['a.ts', 'old.ts']);
  const { path, watcher, changes } = files;
  watcher.setFiles([path('a.ts')]);
  const since = Date.now() + 1_000;
  await until('the time of the next file is later', () => Date.now() >= since);
  writeFileSync(path('new.ts'), 'new');
  watcher.setFiles(['a.ts', 'old.ts', 'new.ts'].map(path), since);
  await changed(files);
  expect(changes).toEqual([[path('new.ts')]]);
});
