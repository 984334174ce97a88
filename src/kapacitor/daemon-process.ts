import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { basename, isAbsolute, join } from 'node:path';
import type { UnixUser } from '../files/unix-user.js';

/** The state of connections cannot be determined on this machine. */
export class InspectionError extends Error {}

/** The kernel's USER_HZ, the unit of times in /proc on all architectures. */
const ticksPerSecond = 100;

/** A process called kapacitord. */
export interface DaemonProcess {
  /** `/proc/PID` */
  readonly directory: string;
  readonly ageSeconds: number;
}

/** The process that listens on the URL's port, if the URL's host is this machine. */
export function daemonAt(url: string, daemons: readonly DaemonProcess[]): DaemonProcess | undefined {
  if (!isThisMachine(url)) return undefined;
  const listening = daemons.flatMap((daemon) => {
    const inodes = listenersOn(portOf(url), daemon.directory);
    if (inodes.length === 0) return [];
    const links = namesIn(join(daemon.directory, 'fd')).map((fd) =>
      linkTarget(join(daemon.directory, 'fd', fd)),
    );
    return [
      {
        daemon,
        readable: links.length > 0,
        owns: inodes.some((inode) => links.includes(`socket:[${inode}]`)),
      },
    ];
  });
  const owner = listening.find(({ owns }) => owns);
  if (owner) return owner.daemon;
  // Another user's file descriptors are not readable: accept such a process if it is the only candidate.
  const candidates = listening.filter(({ readable }) => !readable);
  return candidates.length === 1 ? candidates[0]?.daemon : undefined;
}

/**
 * The only kapacitord of this machine, if the URL's host is this machine but nothing listens on its port. Kapacitor opens its
 * API last: while it starts, it waits up to five minutes for the socket of each UDF.
 */
export function startingDaemon(url: string, daemons: readonly DaemonProcess[]): DaemonProcess | undefined {
  const [daemon, ...others] = isThisMachine(url) ? daemons : [];
  if (!daemon || others.length > 0 || listenersOn(portOf(url), daemon.directory).length > 0) return undefined;
  return daemon;
}

function isThisMachine(url: string): boolean {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
  const own = Object.values(networkInterfaces()).flatMap((all = []) => all.map(({ address }) => address));
  return ['localhost', '::1', hostname(), ...own].includes(host) || host.startsWith('127.');
}

/** The TCP port of an HTTP URL. */
export function portOf(url: string): number {
  const { port, protocol } = new URL(url);
  return Number(port === '' ? (protocol === 'https:' ? 443 : 80) : port);
}

/** The inodes of the TCP sockets in a process's network namespace that listen on a port. */
function listenersOn(port: number, directory: string): string[] {
  const end = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return ['net/tcp', 'net/tcp6'].flatMap((table) =>
    readOrEmpty(join(directory, table))
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      // sl local_address rem_address st … inode; state 0A is listening.
      .filter(([, local = '', , state]) => local.endsWith(end) && state === '0A')
      .flatMap((columns) => columns[9] ?? []),
  );
}

/** The processes called kapacitord in a proc file system. */
export function kapacitordProcesses(proc: string): DaemonProcess[] {
  const uptime = Number(readOrEmpty(join(proc, 'uptime')).split(' ')[0]);
  return namesIn(proc)
    .filter((name) => /^\d+$/.test(name))
    .map((name) => join(proc, name))
    .filter((directory) => readOrEmpty(join(directory, 'comm')).startsWith('kapacitord'))
    .map((directory) => {
      const stat = readOrEmpty(join(directory, 'stat'));
      // Field 22, counted from the end of the name, which may hold spaces and parentheses.
      const started = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
      return { directory, ageSeconds: uptime - started / ticksPerSecond };
    });
}

/**
 * The configuration file of a kapacitord, by a path through its root directory. Throws `InspectionError` if this user may
 * not read where that is.
 */
export function configFileOf({ directory }: DaemonProcess): string {
  const args = readOrEmpty(join(directory, 'cmdline')).split('\0');
  const at = args.findIndex((arg) => /^--?config(=|$)/.test(arg));
  const given =
    at < 0 ? undefined : args[at]!.includes('=') ? args[at]!.replace(/^[^=]*=/, '') : args[at + 1];
  const file = given ?? '/etc/kapacitor/kapacitor.conf';
  const root = linkTarget(join(directory, 'root'));
  const folder = isAbsolute(file) ? '/' : linkTarget(join(directory, 'cwd'));
  if (root === undefined || folder === undefined) {
    throw new InspectionError(
      'the files of the kapacitord process cannot be read by this user; give --config kapacitor.conf',
    );
  }
  return join(directory, 'root', folder, file);
}

/** The user that a process runs as; `undefined` if its status cannot be read. */
export function userOf({ directory }: DaemonProcess): UnixUser | undefined {
  const status = readOrEmpty(join(directory, 'status'));
  // The columns are the real, effective, saved and file system ids: the last one counts for files.
  const ids = (key: string): number[] =>
    (new RegExp(`^${key}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '').split(/\s+/).filter(Boolean).map(Number);
  const [uid, gid] = [ids('Uid')[3], ids('Gid')[3]];
  if (uid === undefined || gid === undefined) return undefined;
  return { name: `process ${basename(directory)}`, uid, gids: new Set([gid, ...ids('Groups')]) };
}

/** The root of a process's file system; `undefined` if this user may not read it. */
export function rootOf({ directory }: DaemonProcess): string | undefined {
  const root = join(directory, 'root');
  return linkTarget(root) === undefined ? undefined : root;
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** The text of a file; empty if it cannot be read. */
export function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // the process has ended, or is another user's
  }
}

function linkTarget(link: string): string | undefined {
  try {
    return readlinkSync(link);
  } catch {
    return undefined;
  }
}
