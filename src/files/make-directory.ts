import { chmodSync, chownSync, mkdirSync, rmdirSync, type Stats, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { messageOf, systemCode, UdfError } from '../model/errors.js';

/** Owner and group only: sockets, recordings and spooled lines may be confidential. */
const directoryMode = 0o750;

/**
 * Creates a directory and its missing parents with mode 0750, whatever the umask, and with the group `gid` if given. An
 * existing directory keeps its mode and group.
 *
 * Throws `invalid_config`, with the system's error as `cause`, if it cannot be created, or if the path or a parent is not a
 * directory.
 *
 * `mkdirSync(path, { recursive: true })` never returns on file systems that always answer ENOENT, such as /proc.
 */
export function makeDirectory(path: string, gid?: number): void {
  try {
    const missing: string[] = [];
    let parent = resolve(path);
    for (; !isDirectory(parent); parent = dirname(parent)) missing.push(parent);
    for (const directory of missing.reverse()) makeSingleDirectory(directory, gid);
  } catch (cause) {
    const why =
      systemCode(cause) === 'ENOENT' ? 'its file system takes no new directories' : messageOf(cause);
    throw new UdfError('invalid_config', `cannot make the directory ${path}: ${why}`, { cause });
  }
}

function makeSingleDirectory(directory: string, gid: number | undefined): void {
  try {
    mkdirSync(directory, directoryMode);
  } catch (reason) {
    // Another process created it in the meantime.
    if (systemCode(reason) === 'EEXIST' && isDirectory(directory)) return;
    throw reason;
  }
  try {
    if (gid !== undefined) chownSync(directory, -1, gid);
    const { mode } = statSync(directory);
    // The umask may have cleared bits. The parent's set-group-ID bit is inherited and kept.
    if ((mode & 0o777) !== directoryMode) chmodSync(directory, (mode & 0o7000) | directoryMode);
  } catch (reason) {
    rmdirSync(directory);
    throw reason;
  }
}

/** Returns false if the path does not exist. Throws `invalid_config` if it is not a directory. */
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
