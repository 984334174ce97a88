import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { expect, test } from 'vitest';
import { createAtomicFile } from '../../src/files/atomic-file.js';
import { tempDir } from '../support/temp-dir.js';

test('of two that are written to one path at once, each is complete; the last one stays', async () => {
  const directory = tempDir();
  const path = join(directory, 'page.html');
  const files = ['first', 'second'].map((text) => ({ text, file: createAtomicFile(path) }));
  for (const { text, file } of files) file.stream.write(text.repeat(3));
  for (const { text, file } of files) {
    file.stream.end(' end');
    await finished(file.stream);
    await file.commit();
    expect(readFileSync(path, 'utf8')).toBe(`${text.repeat(3)} end`);
  }
  expect(readdirSync(directory)).toEqual(['page.html']);
});

test('what is discarded leaves the former content and no other file', async () => {
  const directory = tempDir();
  const path = join(directory, 'page.html');
  writeFileSync(path, 'former');
  const file = createAtomicFile(path);
  file.stream.end('new');
  await finished(file.stream);
  await file.discard();
  expect(readdirSync(directory)).toEqual(['page.html']);
  expect(readFileSync(path, 'utf8')).toBe('former');
});
