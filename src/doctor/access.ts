import { type Stats, statSync } from 'node:fs';
import { dirname, isAbsolute } from 'node:path';
import { groupName, mayAccess, type UnixUser } from '../files/unix-user.js';
import type { ExpectedSocket, Facts } from './facts.js';
import { type Finding, finder } from './finding.js';

const finding = finder('access');

/** Checks whether Kapacitor's user may connect to the sockets and run the programs. */
export function checkAccess({ options, user, sockets, processes, reach }: Facts): Finding[] {
  if (sockets.length + processes.length === 0) return [];
  // A user that was named but does not exist is reported with the facts.
  const isReported = user !== undefined || options.kapacitorUser !== undefined;
  const unknown = isReported
    ? []
    : [
        finding(
          'note',
          'kapacitord',
          'no running kapacitord is found on this machine, so that access to the sockets is not checked',
          'name its user with --kapacitor-user',
        ),
      ];
  const directories = new Set(sockets.map(({ path }) => dirname(path)));
  return [
    ...unknown,
    ...[...directories].flatMap((directory) => openDirectory(directory)),
    ...(user ? socketAccess(sockets, user) : []),
    ...processes.flatMap(({ name, prog }) => programProblems(name, prog, user, reach)),
  ];
}

function socketAccess(sockets: readonly ExpectedSocket[], user: UnixUser): Finding[] {
  const who = `Kapacitor's user (${user.name}, uid ${user.uid})`;
  const closed = new Map<string, Stats>();
  const found: Finding[] = [];
  for (const { name, path } of sockets) {
    const directory = closedDirectory(path, user);
    if (directory) {
      closed.set(directory.path, directory.stats);
      continue;
    }
    const stats = statOf(path);
    if (!stats?.isSocket() || mayAccess(user, stats, 'write')) continue;
    const isGroupWritable = (stats.mode & 0o020) !== 0;
    found.push(
      finding(
        'error',
        path,
        `${who} may not connect to @${name}: ${ownerOf(stats)}`,
        isGroupWritable
          ? `add that user to the group ${groupName(stats.gid)} and restart Kapacitor, or start the host with --socket-group, a group that it has`
          : 'start the host with --socket-mode 660 and --socket-group, a group that Kapacitor has',
      ),
    );
  }
  const directories = Array.from(closed, ([path, stats]) =>
    finding(
      'error',
      path,
      `${who} may not enter this directory, in which sockets are: ${ownerOf(stats)}`,
      `let it in: chgrp the directory to a group of that user, which it may enter (chmod g+x ${path})`,
    ),
  );
  return [...directories, ...found];
}

/** The first directory on the way to a file that a user may not search. */
function closedDirectory(path: string, user: UnixUser): { path: string; stats: Stats } | undefined {
  const directories: string[] = [];
  for (let at = dirname(path); !directories.includes(at); at = dirname(at)) directories.push(at);
  for (const directory of directories.reverse()) {
    const stats = statOf(directory);
    if (stats && !mayAccess(user, stats, 'search')) return { path: directory, stats };
  }
  return undefined;
}

/** Who may write to a directory may put a socket of their own in the place of another. */
function openDirectory(directory: string): Finding[] {
  const stats = statOf(directory);
  const isSticky = ((stats?.mode ?? 0) & 0o1000) !== 0;
  if (!stats || isSticky || (stats.mode & 0o002) === 0) return [];
  return [
    finding(
      'warning',
      directory,
      `any user of this machine may replace the sockets in this directory: ${ownerOf(stats)}`,
      `chmod o-w ${directory}`,
    ),
  ];
}

function programProblems(
  name: string,
  prog: string | undefined,
  user: UnixUser | undefined,
  reach: Facts['reach'],
): Finding[] {
  const section = `[udf.functions.${name}]`;
  if (prog === undefined) {
    return [
      finding(
        'error',
        section,
        'it has neither a socket nor a prog',
        `write what kapacitor-udf config ${name} prints in its place`,
      ),
    ];
  }
  if (!isAbsolute(prog)) return []; // found by Kapacitor's own PATH
  const stats = statOf(reach(prog));
  if (!stats?.isFile()) {
    return [
      finding(
        'error',
        section,
        `its prog ${prog} does not exist, and Kapacitor does not start without it`,
        `install it there, or write what kapacitor-udf config --process ${name} prints`,
      ),
    ];
  }
  if (!user || (mayAccess(user, stats, 'execute') && !closedDirectory(reach(prog), user))) return [];
  return [
    finding(
      'error',
      section,
      `Kapacitor's user (${user.name}, uid ${user.uid}) may not run its prog ${prog}: ${ownerOf(stats)}`,
      `make it executable for that user: chmod a+x ${prog}, and of its directories`,
    ),
  ];
}

/** `owner 0, group kapacitor, mode 660` */
function ownerOf({ uid, gid, mode }: Stats): string {
  return `owner ${uid}, group ${groupName(gid)}, mode ${(mode & 0o7777).toString(8)}`;
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined; // absent, or this user may not look
  }
}
