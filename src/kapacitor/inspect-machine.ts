import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { configuredSockets } from './conf.js';
import { messageOf, UdfError } from '../model/errors.js';

export interface InspectionOptions {
  /** Kapacitor's configuration file; by default the one that the running kapacitord was started with. */
  readonly config?: string | undefined;
  /** The mount point of the proc file system; default `/proc`. */
  readonly proc?: string | undefined;
}

/** The state of connections cannot be determined on this machine. */
export class InspectionError extends Error {}

/** A Kapacitor and its UDF connections as seen on this machine. */
export interface Machine {
  /** Socket paths by the names of UDFs. */
  readonly sockets: ReadonlyMap<string, string>;
  readonly processes: ReadonlySet<string>;
  /** Number of open connections by the path that the host has bound. */
  readonly connections: ReadonlyMap<string, number>;
  readonly daemonStartMs: number;
  /** The root of the daemon's file system; `undefined` if it may not be read. */
  readonly root: string | undefined;
}

/**
 * Inspects this machine's processes and sockets for the kapacitord at a URL. Throws `InspectionError` if that is not
 * found or may not be inspected, and `invalid_config` if `config` cannot be read.
 */
export function inspectMachine(url: string, { config, proc = '/proc' }: InspectionOptions): Machine {
  const daemons = kapacitordProcesses(proc);
  const daemon = daemonAt(url, daemons);
  if (!daemon) {
    throw new InspectionError(`no kapacitord of this machine is seen to serve ${url}, nor its connections`);
  }
  const file = config ?? configFileOf(daemon.directory);
  try {
    const { sockets, processes } = configuredSockets(file);
    return {
      sockets: new Map(sockets.map(({ name, path }) => [name, path])),
      processes: new Set(processes),
      connections: openConnections(daemons.map(({ directory }) => directory)),
      daemonStartMs: Date.now() - daemon.ageSeconds * 1_000,
      root:
        linkTarget(join(daemon.directory, 'root')) === undefined ? undefined : join(daemon.directory, 'root'),
    };
  } catch (reason) {
    if (reason instanceof UdfError && config !== undefined) throw reason;
    throw new InspectionError(
      `the sockets of UDFs are not known: ${messageOf(reason)}; give --config kapacitor.conf`,
    );
  }
}

/** The process that listens on the URL's port, if the URL's host is this machine. */
function daemonAt(url: string, daemons: readonly Process[]): Process | undefined {
  const { hostname: host, port, protocol } = new URL(url);
  const plainHost = host.replace(/^\[|\]$/g, '');
  const own = Object.values(networkInterfaces()).flatMap((all = []) => all.map(({ address }) => address));
  if (!['localhost', '::1', hostname(), ...own].includes(plainHost) && !plainHost.startsWith('127.'))
    return undefined;
  const wanted = Number(port === '' ? (protocol === 'https:' ? 443 : 80) : port);
  const listening = daemons.flatMap((daemon) => {
    const inodes = listenersOn(wanted, daemon.directory);
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

/** The kernel's USER_HZ, the unit of times in /proc on all architectures. */
const ticksPerSecond = 100;

interface Process {
  /** `/proc/PID` */
  readonly directory: string;
  readonly ageSeconds: number;
}

function kapacitordProcesses(proc: string): Process[] {
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

/** The configuration file of a kapacitord, by a path through its root directory. */
function configFileOf(directory: string): string {
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

/** Number of connections by the path that the host has bound, which the kernel's table shows for accepted sockets. */
function openConnections(directories: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  // Processes of one network namespace see the same table.
  const tables = new Set(directories.map((directory) => readOrEmpty(join(directory, 'net/unix'))));
  for (const table of tables) {
    for (const line of table.split('\n')) {
      // Num RefCount Protocol Flags Type St Inode Path; state 03 is connected.
      const [, state, path] = /^\S+ \S+ \S+ \S+ \S+ (\S+) +\d+ (.+)$/.exec(line) ?? [];
      if (state !== '03' || path === undefined) continue;
      const socket = listedPath(path);
      counts.set(socket, (counts.get(socket) ?? 0) + 1);
    }
  }
  return counts;
}

/**
 * The path of a socket by the name that the kernel shows. Our hosts bind to a temporary name, which the kernel keeps:
 * `DIR/.NAME.sock.1a2b3c4`.
 */
export function listedPath(bound: string): string {
  const [, name] = /^\.(.+)\.[0-9a-f]{7}$/.exec(basename(bound)) ?? [];
  return name === undefined ? bound : join(dirname(bound), name);
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function readOrEmpty(file: string): string {
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
