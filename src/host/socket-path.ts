import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { UdfError } from '../errors.js';

/** The bytes that the system allows for a Unix socket's path, its closing zero not counted. */
const maxPathBytes = process.platform === 'linux' ? 107 : 103;

/** Bytes of the name under which a socket is first bound. */
const temporaryNameBytes = 8;

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

/** A name that nothing else uses, in the same directory. */
export function temporaryPath(path: string): string {
  const random = randomBytes(temporaryNameBytes).toString('hex');
  return join(dirname(path), `.${random.slice(0, temporaryNameBytes - 1)}`);
}
