import { readFileSync } from 'node:fs';
import { messageOf, systemCode, UdfError } from '../model/errors.js';

/**
 * Reads a UTF-8 text file, without a byte order mark.
 *
 * Throws `invalid_config`, naming the file, if it cannot be read or is not UTF-8.
 */
export function readTextFile(path: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    const reasons: Readonly<Record<string, string>> = {
      ENOENT: 'there is no such file',
      EISDIR: 'it is a directory',
    };
    const reason = reasons[systemCode(cause) ?? ''] ?? messageOf(cause);
    throw new UdfError('invalid_config', `cannot read ${path}: ${reason}`, { cause });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes); // strips the byte order mark
  } catch (cause) {
    const mark = bytes.length < 2 ? 0 : bytes.readUInt16BE(0);
    const found = mark === 0xfffe || mark === 0xfeff ? 'it is UTF-16' : 'it has bytes that are not UTF-8';
    throw new UdfError('invalid_config', `cannot read ${path}: ${found}; save it as UTF-8`, { cause });
  }
}
