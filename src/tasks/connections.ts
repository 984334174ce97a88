import { readdirSync, readFileSync, readlinkSync, type Stats, statSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { readTickscript } from '../kapacitor/tickscript.js';
import type { Task } from '../kapacitor/types.js';
import { configuredSockets } from '../host/kapacitor-conf.js';
import { messageOf, UdfError } from '../model/errors.js';

/**
 * Whether the UDF connections of a running task are open. `none`: the task uses no UDF, or does not run. `unknown` if this
 * machine cannot tell.
 */
export interface Connection {
  readonly state: 'connected' | 'lost' | 'none' | 'unknown';
  /** Why, for people. */
  readonly reason: string;
}

/** Looks up the connections of all tasks of a Kapacitor; the result tells that of one of them. */
export type TaskConnections = (tasks: readonly Task[]) => (task: Task) => Connection;

export interface ConnectionOptions {
  /** Kapacitor's configuration file; if not given, the one that the running kapacitord was started with. */
  readonly config?: string | undefined;
  /** Where the proc file system is: `/proc` if not given. */
  readonly proc?: string | undefined;
}

/**
 * Tells the connections of tasks from the sockets of this machine, since Kapacitor shows an idle task as running after its
 * connection has gone. It works on Linux, for the kapacitord that runs on this machine and for UDFs with a socket.
 *
 * - The process: the one called kapacitord that listens on the URL's port, if the URL is of this machine.
 * - The sockets: those that its configuration file names.
 * - The connections: those to each socket in the `/proc/PID/net/unix` of all such processes. The table counts them, but
 *   does not say which task one belongs to. Without any, the connections of all tasks that use the UDF are lost; with as
 *   many as running tasks use it, none is.
 * - In between, times decide: a task that was started after the socket was made is connected, and one that was started
 *   more than five minutes before is not, since Kapacitor tries to connect for so long.
 *
 * Whatever does not fit is `unknown`, never `lost`. Throws `invalid_config` if `config` cannot be read.
 */
export function taskConnections(url: string, options: ConnectionOptions = {}): TaskConnections {
  return (tasks) => {
    let machine: Machine;
    try {
      machine = inspectMachine(url, options);
    } catch (reason) {
      if (!(reason instanceof Unknowable)) throw reason;
      const { message } = reason;
      return (task) => withoutUdf(task) ?? { state: 'unknown', reason: message };
    }
    const uses = new Map<string, number>();
    for (const task of tasks.filter(({ executing }) => executing)) {
      for (const name of udfNodes(task)) uses.set(name, (uses.get(name) ?? 0) + 1);
    }
    return (task) => withoutUdf(task) ?? connectionOf(task, machine, uses);
  };
}

/** Nothing can be said about connections from here. */
class Unknowable extends Error {}

/** What this machine knows of a Kapacitor. */
interface Machine {
  /** Socket paths by the names of UDFs. */
  readonly sockets: ReadonlyMap<string, string>;
  readonly processes: ReadonlySet<string>;
  /** Number of open connections by the path that the host has bound. */
  readonly connections: ReadonlyMap<string, number>;
  readonly daemonStartMs: number;
  /** The root of the daemon's file system; `undefined` if it may not be read. */
  readonly root: string | undefined;
}

function inspectMachine(url: string, { config, proc = '/proc' }: ConnectionOptions): Machine {
  const daemons = kapacitordProcesses(proc);
  const daemon = daemonAt(url, daemons);
  if (!daemon) {
    throw new Unknowable(`no kapacitord of this machine is seen to serve ${url}, nor its connections`);
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
    throw new Unknowable(
      `the sockets of UDFs are not known: ${messageOf(reason)}; give --config kapacitor.conf`,
    );
  }
}

/** The one that listens on the URL's port, if the URL is of this machine. */
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
  // The descriptors of another user's process cannot be read; then the only process that it can be is it.
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

/** Of the kernel's clock in /proc, whatever the processor. */
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
      // Field 22, counted behind the name, which may hold spaces and parentheses.
      const started = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
      return { directory, ageSeconds: uptime - started / ticksPerSecond };
    });
}

/** The configuration file of a kapacitord, as its own file system has it. */
function configFileOf(directory: string): string {
  const args = readOrEmpty(join(directory, 'cmdline')).split('\0');
  const at = args.findIndex((arg) => /^--?config(=|$)/.test(arg));
  const given =
    at < 0 ? undefined : args[at]!.includes('=') ? args[at]!.replace(/^[^=]*=/, '') : args[at + 1];
  const file = given ?? '/etc/kapacitor/kapacitor.conf';
  const root = linkTarget(join(directory, 'root'));
  const folder = isAbsolute(file) ? '/' : linkTarget(join(directory, 'cwd'));
  if (root === undefined || folder === undefined) {
    throw new Unknowable(
      'the files of the kapacitord process cannot be read by this user; give --config kapacitor.conf',
    );
  }
  return join(directory, 'root', folder, file);
}

/** Connections by the path that the host has bound: in the kernel's table the accepted sockets carry it. */
function openConnections(directories: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  // Processes of one network namespace see the same table.
  const tables = new Set(directories.map((directory) => readOrEmpty(join(directory, 'net/unix'))));
  for (const table of tables) {
    for (const line of table.split('\n')) {
      // Num RefCount Protocol Flags Type St Inode Path; state 03 is connected.
      const [, state, path] = /^\S+ \S+ \S+ \S+ \S+ (\S+) +\d+ (.+)$/.exec(line) ?? [];
      if (state !== '03' || path === undefined) continue;
      const socket = socketPath(path);
      counts.set(socket, (counts.get(socket) ?? 0) + 1);
    }
  }
  return counts;
}

/** Our hosts bind a socket to a temporary name, which the kernel keeps: `DIR/.NAME.sock.1a2b3c4`. */
function socketPath(bound: string): string {
  const [, name] = /^\.(.+)\.[0-9a-f]{7}$/.exec(basename(bound)) ?? [];
  return name === undefined ? bound : join(dirname(bound), name);
}

/** A temporary name that does not tell which socket it is: a long path leaves no room for more. */
const isNameless = (path: string): boolean => /^\.[0-9a-f]{7}$/.test(basename(path));

function withoutUdf(task: Task): Connection | undefined {
  if (!task.executing) return { state: 'none', reason: 'it does not run' };
  return udfNodes(task).length === 0 ? { state: 'none', reason: 'it uses no UDF' } : undefined;
}

/** The names of a task's UDF nodes: each has a connection. */
function udfNodes({ script }: Task): string[] {
  return readTickscript(script).nodes.flatMap(({ name, udf }) => (udf ? [name] : []));
}

/** That of a task with several UDFs is lost only if all of them are: disabling it may crash Kapacitor otherwise. */
function connectionOf(task: Task, machine: Machine, uses: ReadonlyMap<string, number>): Connection {
  const each = [...new Set(udfNodes(task))].map((name) =>
    udfConnection(name, task, machine, uses.get(name) ?? 0),
  );
  const states = new Set(each.map(({ state }) => state));
  const decisive = ['connected', 'unknown', 'lost'].find((state) => states.has(state as Connection['state']));
  const connection = each.find(({ state }) => state === decisive)!; // it has a UDF
  if (connection.state === 'connected' && states.has('lost')) {
    const lost = each.find(({ state }) => state === 'lost')!;
    return { state: 'unknown', reason: `${lost.reason}, but ${connection.reason}` };
  }
  return connection;
}

/** For so long Kapacitor tries to connect to a socket. */
const dialTimeoutMs = 5 * 60_000;
/** Between the clocks of the daemon and of the file system. */
const clockToleranceMs = 1_000;

function udfConnection(name: string, task: Task, machine: Machine, uses: number): Connection {
  const path = machine.sockets.get(name);
  if (path === undefined) {
    const why = machine.processes.has(name)
      ? 'is a process of Kapacitor'
      : 'is not in the configuration file';
    return { state: 'unknown', reason: `@${name} ${why}` };
  }
  const { open, ambiguous } = connectionsTo(path, machine);
  if (ambiguous !== undefined) {
    return {
      state: 'unknown',
      reason: `${path} may be the same socket as ${ambiguous}, which has connections`,
    };
  }
  const counted = `${path} has ${open} of ${uses} connections`;
  if (open === 0) return { state: 'lost', reason: counted };
  if (open >= uses) return { state: 'connected', reason: counted };
  const boundMs = statOf(join(machine.root ?? '/', path))?.mtimeMs;
  if (boundMs === undefined) return { state: 'unknown', reason: counted };
  const earliestStart = Math.max(machine.daemonStartMs, Date.parse(task['last-enabled'] ?? ''));
  if (earliestStart > boundMs + clockToleranceMs) {
    return { state: 'connected', reason: `it was started after ${path} was made` };
  }
  // A changed template restarts its tasks without a trace in them, a renamed task is restarted when it is modified.
  const latestStart =
    task['template-id'] === '' ? Math.max(earliestStart, Date.parse(task.modified ?? '')) : Infinity;
  if (boundMs > latestStart + dialTimeoutMs + clockToleranceMs) {
    return { state: 'lost', reason: `it was started long before ${path} was made` };
  }
  return { state: 'unknown', reason: counted };
}

/**
 * The number of connections to a socket by its path in Kapacitor's configuration; the kernel shows them by the path that
 * the host has bound, which is another one behind symbolic links and in containers. `ambiguous`: the path of one that may
 * be this socket, if none is for certain.
 */
function connectionsTo(path: string, { connections, root }: Machine): { open: number; ambiguous?: string } {
  const socket = statOf(join(root ?? '/', path));
  const sameRoot = root !== undefined && isSameFile(statOf(root), statOf('/'));
  let open = connections.get(path) ?? 0;
  let ambiguous: string | undefined;
  for (const [bound, count] of connections) {
    if (bound === path) continue;
    const file = isAbsolute(bound) ? statOf(bound) : undefined;
    if (isSameFile(file, socket)) open += count;
    else if (isNameless(bound)) ambiguous = bound;
    else if (basename(bound) === basename(path) && !(sameRoot && file)) ambiguous = bound;
  }
  return open === 0 && ambiguous !== undefined ? { open, ambiguous } : { open };
}

function isSameFile(one: Stats | undefined, other: Stats | undefined): boolean {
  return one !== undefined && one.dev === other?.dev && one.ino === other.ino;
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined; // absent, or in a directory that this user may not search
  }
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
