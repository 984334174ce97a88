import { appendFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { followFile } from '../../src/feed/follow.js';
import { tempDir } from '../support/temp-dir.js';

let stop = new AbortController();
let chunks: AsyncGenerator<Buffer>;
afterEach(async () => {
  stop.abort();
  await chunks.return(undefined); // closes the file
});

/** A file that is followed: `next(n)` is the next so many bytes as text. */
function followed(path: string) {
  stop = new AbortController();
  chunks = followFile(path, { signal: stop.signal });
  let rest = '';
  return {
    async next(length: number): Promise<string> {
      while (rest.length < length) rest += ((await chunks.next()).value as Buffer).toString();
      const text = rest.slice(0, length);
      rest = rest.slice(length);
      return text;
    },
    chunks,
  };
}

test('gives what is there and what is appended', async () => {
  const path = join(tempDir(), 'log');
  writeFileSync(path, 'one');
  const file = followed(path);
  expect(await file.next(3)).toBe('one');
  appendFileSync(path, 'two');
  expect(await file.next(3)).toBe('two');
});

test('waits for a file that is not there yet', async () => {
  const path = join(tempDir(), 'log');
  const file = followed(path);
  const text = file.next(3);
  writeFileSync(path, 'one');
  expect(await text).toBe('one');
});

test('reads what is left of a file that another one replaces, then that one', async () => {
  const path = join(tempDir(), 'log');
  writeFileSync(path, 'one');
  const file = followed(path);
  expect(await file.next(3)).toBe('one');
  appendFileSync(path, 'two');
  renameSync(path, `${path}.1`);
  writeFileSync(path, 'three');
  expect(await file.next(8)).toBe('twothree');
});

test('begins again when the file is cut short', async () => {
  const path = join(tempDir(), 'log');
  writeFileSync(path, 'a long line');
  const file = followed(path);
  expect(await file.next(11)).toBe('a long line');
  truncateSync(path);
  appendFileSync(path, 'new');
  expect(await file.next(3)).toBe('new');
});

test('ends when it is told to', async () => {
  const path = join(tempDir(), 'log');
  writeFileSync(path, '');
  const { chunks } = followed(path);
  const end = chunks.next();
  stop.abort();
  expect(await end).toEqual({ done: true, value: undefined });
});
