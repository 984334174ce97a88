import { readFileSync, type Stats } from 'node:fs';
import { messageOf, UdfError } from '../model/errors.js';

/** A user of this machine, as the system checks access to files. */
export interface UnixUser {
  readonly name: string;
  readonly uid: number;
  /** Its own group and the supplementary ones. */
  readonly gids: ReadonlySet<number>;
}

/** Where users and groups are listed. */
export interface AccountFiles {
  readonly passwd?: string | undefined;
  readonly group?: string | undefined;
}

/** Looks up a user by name or number. Throws `invalid_config` if there is none, or a file cannot be read. */
export function userNamed(
  name: string,
  { passwd = '/etc/passwd', group = '/etc/group' }: AccountFiles = {},
): UnixUser {
  // name:password:uid:gid:…
  const account = rowsOf(passwd).find((row) => row[0] === name || row[2] === name);
  if (!account) {
    throw new UdfError('invalid_config', `there is no user "${name}" in ${passwd}`);
  }
  const [login = '', , uid, gid] = account;
  // name:password:gid:member,member
  const others = rowsOf(group).filter(([, , , members = '']) => members.split(',').includes(login));
  return {
    name: login,
    uid: Number(uid),
    gids: new Set([Number(gid), ...others.map(([, , number]) => Number(number))]),
  };
}

/** The name of a group; its number if it has none here. */
export function groupName(gid: number, file = '/etc/group'): string {
  try {
    return rowsOf(file).find((row) => row[2] === String(gid))?.[0] ?? String(gid);
  } catch {
    return String(gid);
  }
}

const bits = { write: 0o2, search: 0o1, execute: 0o1 } as const;

/** Whether the mode of a file allows a user this. Access lists and mounts may still say otherwise. */
export function mayAccess(
  { uid, gids }: UnixUser,
  file: Pick<Stats, 'uid' | 'gid' | 'mode'>,
  what: keyof typeof bits,
): boolean {
  // Root may do anything but execute what nobody may.
  if (uid === 0) return what !== 'execute' || (file.mode & 0o111) !== 0;
  const shift = file.uid === uid ? 6 : gids.has(file.gid) ? 3 : 0;
  return (file.mode & (bits[what] << shift)) !== 0;
}

function rowsOf(file: string): string[][] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .map((line) => line.split(':'));
  } catch (cause) {
    throw new UdfError('invalid_config', `cannot read ${file}: ${messageOf(cause)}`, { cause });
  }
}
