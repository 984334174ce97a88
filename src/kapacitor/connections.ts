import { type Stats, statSync } from 'node:fs';
import { basename, isAbsolute, join } from 'node:path';
import { readTickscript } from './tickscript.js';
import type { Task } from './types.js';
import { InspectionError, type InspectionOptions, inspectMachine, type Machine } from './inspect-machine.js';

/**
 * Whether the UDF connections of a running task are open. `none`: the task uses no UDF, or does not run. `unknown`: it
 * cannot be determined on this machine.
 */
export interface Connection {
  readonly state: 'connected' | 'lost' | 'none' | 'unknown';
  /** Why, for people. */
  readonly reason: string;
}

/** What connections are determined from. */
export type ConnectedTask = Pick<Task, 'id' | 'script' | 'executing' | 'last-enabled' | 'modified'> &
  Partial<Pick<Task, 'template-id'>>;

/** Inspects the connections of a Kapacitor's tasks; returns a look-up by task. */
export type TaskConnections = (tasks: readonly ConnectedTask[]) => (task: ConnectedTask) => Connection;

/**
 * Determines the connections of tasks from the sockets of this machine, since Kapacitor shows an idle task as running
 * after its connection was lost. Works on Linux, for a local kapacitord and for UDFs with a socket.
 *
 * - The process: the one called kapacitord that listens on the URL's port, if the URL is of this machine.
 * - The sockets: those that its configuration file names.
 * - The connections: those to each socket in the `/proc/PID/net/unix` of all such processes. The table counts them, but
 *   does not say which task one belongs to. Without any, the connections of all tasks that use the UDF are lost; with as
 *   many as running tasks use it, none is.
 * - In between, times decide: a task that was started after the socket was made is connected, and one that was started
 *   more than five minutes before is not, since Kapacitor retries for that long.
 *
 * Anything inconclusive is `unknown`, never `lost`. Throws `invalid_config` if `config` cannot be read.
 */
export function taskConnections(url: string, options: InspectionOptions = {}): TaskConnections {
  return (tasks) => {
    let machine: Machine;
    try {
      machine = inspectMachine(url, options);
    } catch (reason) {
      if (!(reason instanceof InspectionError)) throw reason;
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

/** Whether a temporary name lacks the socket's name, which is left out if the path would be too long. */
export const isNameless = (path: string): boolean => /^\.[0-9a-f]{7}$/.test(basename(path));

export function withoutUdf(task: ConnectedTask): Connection | undefined {
  if (!task.executing) return { state: 'none', reason: 'it does not run' };
  return udfNodes(task).length === 0 ? { state: 'none', reason: 'it uses no UDF' } : undefined;
}

/** The names of a task's UDF nodes: each has a connection. */
export function udfNodes({ script }: Pick<Task, 'script'>): string[] {
  return readTickscript(script).nodes.flatMap(({ name, udf }) => (udf ? [name] : []));
}

/** With several UDFs, `lost` only if all are: disabling a task with an open connection may crash Kapacitor. */
function connectionOf(task: ConnectedTask, machine: Machine, uses: ReadonlyMap<string, number>): Connection {
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

/** How long Kapacitor retries to connect to a socket. */
const dialTimeoutMs = 5 * 60_000;
/** Max difference between the clocks of the daemon and of the file system. */
const clockToleranceMs = 1_000;

function udfConnection(name: string, task: ConnectedTask, machine: Machine, uses: number): Connection {
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
  // A changed template restarts its tasks without updating their times; renaming a task restarts it and sets `modified`.
  const latestStart =
    task['template-id'] === '' ? Math.max(earliestStart, Date.parse(task.modified ?? '')) : Infinity;
  if (boundMs > latestStart + dialTimeoutMs + clockToleranceMs) {
    return { state: 'lost', reason: `it was started long before ${path} was made` };
  }
  return { state: 'unknown', reason: counted };
}

/**
 * The number of connections to a socket by its path in Kapacitor's configuration; the kernel shows them by the path that
 * the host has bound, which differs behind symbolic links and in containers. `ambiguous`: a path that may be this socket,
 * if none certainly is.
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
