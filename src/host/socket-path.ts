import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { UdfError } from '../model/errors.js';

/** The system's limit for the path of a Unix socket, without the terminating zero. */
const maxPathBytes = process.platform === 'linux' ? 107 : 103;

/** 28 random bits: collisions between processes are improbable. */
const randomCharacters = 7;

/** Throws `socket_path_too_long` if the path or its temporary one exceeds the system's limit. */
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
 * A unique name in the same directory, to bind a socket to before it is moved to `path`. Kapacitor's messages show the name
 * that was bound, so it contains the final one if the limit allows that.
 */
export function temporaryPath(path: string): string {
  const random = randomBytes(randomCharacters).toString('hex').slice(0, randomCharacters);
  const telling = join(dirname(path), `.${basename(path)}.${random}`);
  return Buffer.byteLength(telling) <= maxPathBytes ? telling : join(dirname(path), `.${random}`);
}
