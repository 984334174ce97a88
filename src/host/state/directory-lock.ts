import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { systemCode, UdfError } from '../../model/errors.js';
import type { Logger } from '../../telemetry/logger.js';
import { listenOnSocket } from '../socket-file.js';

const lockName = '.lock';

/** Max time for the owner of a lock to say which process it is. */
const answerTimeoutMs = 1_000;

/** A directory that no other host uses meanwhile. */
export interface DirectoryLock {
  release(): void;
}

/**
 * Locks a directory by a Unix socket in it: the system closes it with its process, however that ends, and it works between
 * containers that share the directory. On a file system without sockets, logs a warning and resolves without a lock.
 *
 * Rejects with `invalid_config` if another host uses the directory, and `socket_path_too_long`.
 */
export async function lockDirectory(directory: string, logger: Logger): Promise<DirectoryLock> {
  const path = join(directory, lockName);
  const server = createServer((socket) => {
    socket.on('error', () => undefined); // the other side is gone
    socket.end(String(process.pid));
  });
  server.unref();
  try {
    const file = await listenOnSocket(server, path, { mode: 0o600, gid: undefined });
    return {
      release() {
        try {
          file.remove();
        } catch (reason) {
          logger.debug({ code: systemCode(reason) }, `cannot remove ${path}; the next start replaces it`);
        }
        server.close();
      },
    };
  } catch (reason) {
    const { code, message } = UdfError.from(reason, 'socket_failed');
    if (code === 'socket_path_too_long') throw reason;
    if (code === 'socket_in_use') {
      const pid = await ownerOf(directory);
      const who = pid === undefined ? 'another host' : `another host (process ${pid})`;
      throw new UdfError(
        'invalid_config',
        `cannot use the state directory ${directory}: ${who} uses it; stop that one, or give each host its own`,
        { cause: reason },
      );
    }
    logger.warn(
      { code },
      `the state directory ${directory} cannot be locked against other hosts: ${message}`,
    );
    return { release: () => undefined };
  }
}

/** The process that has locked a directory, if it answers. */
export function ownerOf(directory: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(join(directory, lockName));
    let answer = '';
    const finish = (owner: string | undefined): void => {
      socket.destroy();
      resolve(owner);
    };
    socket.setTimeout(answerTimeoutMs, () => {
      finish(undefined);
    });
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString();
    });
    socket.once('end', () => {
      finish(answer);
    });
    socket.once('error', () => {
      finish(undefined);
    });
  });
}
