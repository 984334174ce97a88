import { chmodSync, chownSync, linkSync, lstatSync, renameSync, unlinkSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';
import { makeDirectory } from '../files/make-directory.js';
import { systemCode, UdfError } from '../model/errors.js';
import { isPermission, socketError } from './socket-error.js';
import { checkSocketPath, temporaryPath } from './socket-path.js';

/** Who may connect. */
export interface SocketAccess {
  /** The file's mode: connecting needs write permission. */
  readonly mode: number;
  /** The group of the file, and of its directory if that is made; this process's own if none is given. */
  readonly gid: number | undefined;
}

/** The file of a socket that a server listens on. */
export interface SocketFile {
  /** Whether the file is still at its path: without it nothing can connect. */
  exists(): boolean;
  /** Removes the file if it is still this server's. Synchronous, so that an exiting process can call it. */
  remove(): void;
}

/**
 * Makes a server listen on a Unix socket at this path; the directory is made if absent. A socket that a dead process has
 * left there is replaced.
 *
 * Throws `socket_in_use` if a process answers there, `socket_not_a_socket` if the path holds something else,
 * `socket_path_too_long`, `socket_permission`, and `socket_failed` for the rest; the server then does not listen.
 */
export async function listenOnSocket(
  server: Server,
  path: string,
  access: SocketAccess,
): Promise<SocketFile> {
  checkSocketPath(path);
  makeSocketDirectory(dirname(path), access.gid);
  let abandoned = await findReplaceable(path);
  // When a server closes, Node removes the file at the path that it was bound to, even if another process has put it
  // there since. So it is bound to a name that nothing else uses, and moved once its mode and group are right.
  const temporary = temporaryPath(path);
  await listen(server, temporary, path);
  let own: string | undefined;
  try {
    own = fileIdentity(temporary);
    chmodSync(temporary, access.mode);
    if (access.gid !== undefined) chownSync(temporary, -1, access.gid);
    while (!takePath(temporary, path, abandoned)) abandoned = await findReplaceable(path);
  } catch (reason) {
    server.close();
    throw socketError(reason, 'listen on', path);
  }
  // The inode is not reused while the server listens.
  const exists = (): boolean => own !== undefined && fileIdentity(path) === own;
  return {
    exists,
    remove: () => {
      if (exists()) unlinkSync(path);
    },
  };
}

function makeSocketDirectory(directory: string, gid: number | undefined): void {
  try {
    makeDirectory(directory, gid);
  } catch (reason) {
    const { message, cause } = UdfError.from(reason);
    if (isPermission(cause)) {
      const group = systemCode(cause) === 'EPERM' && gid !== undefined ? ` with group ${gid}` : '';
      throw socketError(cause, `make${group} the directory`, directory);
    }
    throw new UdfError('socket_failed', `${message}; choose another directory`, { cause });
  }
}

/**
 * Moves the socket to its path and removes the abandoned one there. Returns false if another process has changed the path
 * since `abandoned` was read.
 */
function takePath(temporary: string, path: string, abandoned: string | undefined): boolean {
  if (fileIdentity(path) !== abandoned) return false;
  if (abandoned !== undefined) removeAbandoned(path, abandoned);
  try {
    // Unlike rename, link never replaces a file.
    linkSync(temporary, path);
  } catch (reason) {
    if (systemCode(reason) === 'EEXIST') return false;
    // The file system has no hard links.
    renameSync(temporary, path);
    return true;
  }
  unlinkSync(temporary);
  return true;
}

/** Removes a file by moving it aside first, so that one that another process has just put there can be put back. */
function removeAbandoned(path: string, abandoned: string): void {
  const aside = temporaryPath(path);
  try {
    renameSync(path, aside);
  } catch (reason) {
    if (systemCode(reason) === 'ENOENT') return; // another process has removed it
    throw reason;
  }
  if (fileIdentity(aside) === abandoned) unlinkSync(aside);
  else if (fileIdentity(path) === undefined) renameSync(aside, path);
}

/** Device and inode, which no other file has at the same time; `undefined` if absent. */
export function fileIdentity(path: string): string | undefined {
  const found = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return found && `${found.dev}:${found.ino}`;
}

/** The identity of the abandoned socket at the path, `undefined` if nothing is there. Throws if it may not be replaced. */
async function findReplaceable(path: string): Promise<string | undefined> {
  try {
    const seen = fileIdentity(path);
    if (seen === undefined) return undefined;
    if (!lstatSync(path).isSocket()) {
      throw new UdfError(
        'socket_not_a_socket',
        `cannot listen on ${path}: what is there is not a socket and is left alone; remove it, or choose another path`,
      );
    }
    if (await answers(path)) {
      throw new UdfError(
        'socket_in_use',
        `cannot listen on ${path}: another process answers there; stop it, or choose another path`,
      );
    }
    return seen;
  } catch (reason) {
    if (systemCode(reason) === 'ENOENT') return undefined; // its owner has just removed it
    throw socketError(reason, 'look at', path);
  }
}

/** Whether a process listens on the socket. Rejects if it cannot be determined. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', (error) => {
      const code = systemCode(error);
      if (code === 'ECONNREFUSED') resolve(false);
      else if (code === 'EAGAIN')
        resolve(true); // its queue of pending connections is full
      else reject(error);
    });
  });
}

function listen(server: Server, temporary: string, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (reason: Error): void => {
      reject(socketError(reason, 'listen on', path));
    };
    server.once('error', failed);
    server.listen(temporary, () => {
      server.off('error', failed);
      resolve();
    });
  });
}
