import { readdirSync, readFileSync, readlinkSync, type Stats, statSync } from 'node:fs';
import { basename, isAbsolute, join } from 'node:path';
import type { KapacitorApi } from '../kapacitor/api.js';
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
export type TaskConnections = (tasks: readonly Task[]) => Promise<(task: Task) => Connection>;

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
 * - The process: the one called kapacitord that is as old as the Kapacitor at the URL says that it is.
 * - The sockets: those that its configuration file names.
 * - The connections: those to each socket in the `/proc/PID/net/unix` of all such processes. The table counts them, but
 *   does not say which task one belongs to. Without any, the connections of all tasks that use the UDF are lost; with as
 *   many as running tasks use it, none is.
 * - In between, times decide: a task that was started after the socket was made is connected, and one that was started
 *   more than five minutes before is not, since Kapacitor tries to connect for so long.
 *
 * Whatever does not fit is `unknown`, never `lost`. The returned function rejects only as `KapacitorApi` does.
 */
export function taskConnections(api: KapacitorApi, options: ConnectionOptions = {}): TaskConnections {
  return async (tasks) => {
    let machine: Machine;
    try {
      machine = await inspectMachine(api, options);
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

async function inspectMachine(
  api: KapacitorApi,
  { config, proc = '/proc' }: ConnectionOptions,
): Promise<Machine> {
  const daemons = kapacitordProcesses(proc);
  const age = await api.uptimeSeconds();
  const daemon = daemons.find(
    ({ ageSeconds }) => age !== undefined && Math.abs(ageSeconds - age) < maxAgeDifference,
  );
  if (age === undefined || !daemon) {
    throw new Unknowable(
      `no kapacitord on this machine is the one at ${api.url}, so its connections cannot be seen`,
    );
  }
  const file = config ?? configFileOf(daemon.directory);
  try {
    const { sockets, processes } = configuredSockets(file);
    return {
      sockets: new Map(sockets.map(({ name, path }) => [name, path])),
      processes: new Set(processes),
      connections: openConnections(daemons.map(({ directory }) => directory)),
      daemonStartMs: Date.now() - age * 1_000,
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

/** Seconds between the start of the process and that of the daemon's own clock, which reads its configuration first. */
const maxAgeDifference = 2;
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
      if (state === '03' && path !== undefined) counts.set(path, (counts.get(path) ?? 0) + 1);
    }
  }
  return counts;
}

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
