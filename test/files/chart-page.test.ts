import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkPagePath } from '../../src/files/chart-page.js';
import { tempDir } from '../support/temp-dir.js';

test('a path is refused to which no page can be written', () => {
  const directory = tempDir();
  mkdirSync(join(directory, 'folder'));
  const refusal = (path: string) => () => {
    checkPagePath(path);
  };
  expect(refusal(join(directory, 'absent', 'a.html'))).toThrow('make its directory first');
  expect(refusal(join(directory, 'folder'))).toThrow('it is a directory');
  expect(refusal('')).toThrow('the page needs the name of a file');
  expect(readdirSync(directory)).toEqual(['folder']);
});

test('a path to which one can be written is left as it is', () => {
  const directory = tempDir();
  const old = join(directory, 'old.html');
  writeFileSync(old, 'old');
  checkPagePath(old);
  checkPagePath(join(directory, 'new.html'));
  checkPagePath('/dev/null');
  expect(readFileSync(old, 'utf8')).toBe('old');
  expect(readdirSync(directory)).toEqual(['old.html']);
});
