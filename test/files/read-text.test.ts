import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readTextFile } from '../../src/files/read-text.js';
import { tempDir } from '../support/temp-dir.js';

function fileOf(bytes: Buffer | string): string {
  const file = join(tempDir(), 'text');
  writeFileSync(file, bytes);
  return file;
}

describe('a text file', () => {
  it('is read without its byte order mark, and with all others that it holds', () => {
    expect(readTextFile(fileOf('\uFEFFcpu \uFEFFv=1\r\n'))).toBe('cpu \uFEFFv=1\r\n');
    expect(readTextFile(fileOf(''))).toBe('');
  });

  it.each([
    ['latin-1', Buffer.from('K\xFCche', 'latin1'), 'it has bytes that are not UTF-8; save it as UTF-8'],
    ['UTF-16', Buffer.from('\uFEFFcpü', 'utf16le'), 'it is UTF-16; save it as UTF-8'],
  ])('in %s is refused by name', (_, bytes, why) => {
    const file = fileOf(bytes);
    expect(() => readTextFile(file)).toThrow(
      expect.objectContaining({ code: 'invalid_config', message: `cannot read ${file}: ${why}` }),
    );
  });

  it('that is missing, or a directory, is refused by name', () => {
    const directory = tempDir();
    expect(() => readTextFile(directory)).toThrow(`cannot read ${directory}: it is a directory`);
    const missing = join(directory, 'none');
    expect(() => readTextFile(missing)).toThrow(`cannot read ${missing}: there is no such file`);
  });
});
