import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { UdfError } from '../model/errors.js';

/** The bytes that the system allows for a Unix socket's path, its closing zero not counted. */
const maxPathBytes = process.platform === 'linux' ? 107 : 103;

/** Enough that no two processes choose the same. */
const randomCharacters = 7;

/** Throws `socket_path_too_long` if the path, or the temporary one beside it, cannot be a Unix socket's. */
export function checkSocketPath(path: string): void {
  const bytes = Math.max(Buffer.byteLength(path), Buffer.byteLength(temporaryPath(path)));
  if (bytes > maxPathBytes) {
    throw new UdfError(
      'socket_path_too_long',
      `cannot listen on ${path}: the path takes ${bytes} bytes, and a Unix socket's at most ${maxPathBytes}; choose a shorter directory`,
    );
  }
}

/**
 * A name that nothing else uses, in the same directory. A socket is first bound to it, and Kapacitor's messages go on
 * showing it: so it has the path's own in it wherever that is not too long.
 */
export function temporaryPath(path: string): string {
  const random = randomBytes(randomCharacters).toString('hex').slice(0, randomCharacters);
  const telling = join(dirname(path), `.${basename(path)}.${random}`);
  return Buffer.byteLength(telling) <= maxPathBytes ? telling : join(dirname(path), `.${random}`);
}
