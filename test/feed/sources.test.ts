import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { resolveFiles } from '../../src/feed/sources.js';
import { tempDir } from '../support/temp-dir.js';

describe('a directory of Green Button feeds', () => {
  test('means the feeds in it, by name', async () => {
    const directory = tempDir();
    for (const name of ['b.xml', 'a.XML', 'c.xml.gz', 'notes.txt']) writeFileSync(join(directory, name), '');
    mkdirSync(join(directory, 'more'));
    expect(await resolveFiles({ sources: [directory, 'x.xml'], format: 'greenbutton' })).toEqual([
      ...['a.XML', 'b.xml', 'c.xml.gz'].map((name) => join(directory, name)),
      'x.xml',
    ]);
  });

  test('without feeds is refused', async () => {
    const directory = tempDir();
    await expect(resolveFiles({ sources: [directory], format: 'greenbutton' })).rejects.toThrow(
      `no .xml or .xml.gz is in ${directory}`,
    );
  });
});
