import { chmodSync, mkdirSync, type Stats, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { messageOf, systemCode, UdfError } from '../model/errors.js';

/** Owner and group only: sockets, recordings and spooled lines may hold what other users must not see. */
const directoryMode = 0o750;

/**
 * Creates a directory and its missing parents, each with mode 0750 whatever the umask. A directory that exists keeps its
 * mode.
 *
 * Throws `invalid_config` if the directory cannot be created, or the path or a parent is not a directory; `cause` is the
 * system's error.
 *
 * Replaces `mkdirSync(path, { recursive: true })`, which never returns where the file system answers ENOENT to every
 * attempt, as /proc does.
 */
export function makeDirectory(path: string): void {
  try {
    const missing: string[] = [];
    let parent = resolve(path);
    for (; !isDirectory(parent); parent = dirname(parent)) missing.push(parent);
    for (const directory of missing.reverse()) makeOne(directory);
  } catch (cause) {
    const why =
      systemCode(cause) === 'ENOENT' ? 'its file system takes no new directories' : messageOf(cause);
    throw new UdfError('invalid_config', `cannot make the directory ${path}: ${why}`, { cause });
  }
}

function makeOne(directory: string): void {
  try {
    mkdirSync(directory, directoryMode);
  } catch (reason) {
    // Another process may have created it since it was looked for.
    if (systemCode(reason) === 'EEXIST' && isDirectory(directory)) return;
    throw reason;
  }
  const { mode } = statSync(directory);
  // The umask may have taken bits away. The set-group-ID bit is inherited from the parent, and stays.
  if ((mode & 0o777) !== directoryMode) chmodSync(directory, (mode & 0o7000) | directoryMode);
}

/** False if nothing is there. Throws `invalid_config` for anything but a directory. */
function isDirectory(path: string): boolean {
  let found: Stats;
  try {
    found = statSync(path);
  } catch (reason) {
    if (systemCode(reason) === 'ENOENT') return false;
    throw reason;
  }
  if (found.isDirectory()) return true;
  throw new UdfError('invalid_config', `${path} is not a directory`);
}
