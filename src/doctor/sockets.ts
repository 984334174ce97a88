import { lstatSync, readdirSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { remoteUrl } from '../host/remote/address.js';
import { checkSocketPath } from '../host/socket-path.js';
import { messageOf } from '../model/errors.js';
import { dialUnix } from '../transport/dial-unix.js';
import type { ExpectedSocket, Facts } from './facts.js';
import { type Finding, finder } from './finding.js';

const finding = finder('sockets');

/** Directories in which sockets of other programs are. */
const sharedDirectories: ReadonlySet<string> = new Set(['/', '/run', '/var/run', '/tmp', '/var/tmp']);

/** `NAME.sock`, and the names that hosts bind before they move a socket to its place. */
const socketName = /\.sock(\.[0-9a-f]{7})?$/;

/** Checks the paths of the sockets, whether UDFs answer there, and what dead hosts have left. */
export async function checkSockets(facts: Facts): Promise<Finding[]> {
  const { sockets, settings, settingsFile, processes } = facts;
  const none =
    settings && sockets.length === 0 && processes.length === 0
      ? [
          finding(
            'warning',
            settingsFile!, // the settings come from it
            'no [udf.functions.NAME] section: Kapacitor knows no UDF',
            'add the sections that kapacitor-udf config prints, then restart Kapacitor',
          ),
        ]
      : [];
  return [
    ...none,
    ...sharedPaths(sockets),
    ...sockets.flatMap((socket) => pathProblems(socket)),
    ...sockets.flatMap((socket) => silence(socket, facts)),
    ...(await abandoned(sockets)),
  ];
}

function sharedPaths(sockets: readonly ExpectedSocket[]): Finding[] {
  return sockets.flatMap(({ name, socket }, index) => {
    const other = sockets.slice(0, index).find((earlier) => earlier.socket === socket);
    if (!other) return [];
    return [
      finding(
        'error',
        socket,
        `@${other.name} and @${name} have the same socket; one host serves one UDF on each`,
        `give [udf.functions.${name}] a socket of its own, then restart the host and Kapacitor`,
      ),
    ];
  });
}

function pathProblems({ name, socket }: ExpectedSocket): Finding[] {
  if (!isAbsolute(socket)) {
    return [
      finding(
        'error',
        socket,
        `the socket of @${name} is a relative path, which each process resolves in a directory of its own`,
        `write the whole path in [udf.functions.${name}]`,
      ),
    ];
  }
  try {
    checkSocketPath(socket);
    return [];
  } catch (reason) {
    return [finding('error', socket, messageOf(reason), `choose a shorter path for @${name}`)];
  }
}

function silence(
  { name, path, answer }: ExpectedSocket,
  { settingsFile, server, options: { remote } }: Facts,
): Finding[] {
  if (answer.ok) return [];
  const host = remote
    ? `the proxy: kapacitor-udf proxy --to ${remoteUrl(remote.address)}`
    : 'the host: kapacitor-udf serve';
  const start = `start ${host} ${settingsFile === undefined ? name : `--config ${settingsFile}`}`;
  const users =
    server?.statuses.filter(({ state, udfs }) => state !== 'disabled' && udfs.includes(name)) ?? [];
  const risk =
    users.length === 0
      ? ''
      : `; task ${users[0]!.id} uses it, and Kapacitor may crash if a snapshot is due while the task starts`;
  switch (answer.code) {
    case 'ENOENT':
      return [finding('error', path, `@${name} does not answer: there is no socket${risk}`, start)];
    case 'ECONNREFUSED':
      return [
        isSocket(path)
          ? finding(
              'error',
              path,
              `@${name} does not answer: the socket is stale, its host has ended${risk}`,
              `${start}; it replaces the socket`,
            )
          : finding(
              'error',
              path,
              `@${name} does not answer: the file is not a socket${risk}`,
              `remove it, then ${start}`,
            ),
      ];
    case 'EACCES':
      return [
        finding(
          'warning',
          path,
          `this user may not connect to it, so that @${name} is not asked`,
          "run it as Kapacitor's user or as root",
        ),
      ];
    default:
      return [
        finding(
          'error',
          path,
          `@${name} does not answer as a UDF does: ${answer.reason}`,
          'look into the log of the process that listens there; if it is not the host of this UDF, choose another path',
        ),
      ];
  }
}

/** Sockets beside the expected ones that nobody listens on. */
async function abandoned(sockets: readonly ExpectedSocket[]): Promise<Finding[]> {
  const expected = new Set(sockets.map(({ path }) => path));
  const directories = new Set(
    sockets.map(({ path }) => dirname(path)).filter((directory) => !sharedDirectories.has(directory)),
  );
  const others = [...directories].flatMap((directory) =>
    filesIn(directory)
      .filter((name) => socketName.test(name))
      .map((name) => join(directory, name))
      .filter((path) => !expected.has(path) && isSocket(path)),
  );
  const stale = await Promise.all(others.map(isStale));
  return others
    .filter((_, index) => stale[index])
    .map((path) =>
      finding(
        'warning',
        path,
        'a stale socket: no process listens there, and no section of the configuration names it',
        'remove it',
      ),
    );
}

async function isStale(path: string): Promise<boolean> {
  try {
    (await dialUnix(path)).destroy();
    return false;
  } catch (reason) {
    return (reason as NodeJS.ErrnoException).code === 'ECONNREFUSED'; // dialUnix rejects with the system's error
  }
}

function filesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // the sockets in it are reported themselves
  }
}

function isSocket(path: string): boolean {
  try {
    return lstatSync(path).isSocket();
  } catch {
    return false;
  }
}
