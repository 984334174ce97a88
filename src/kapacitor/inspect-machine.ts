import { basename, dirname, join } from 'node:path';
import { messageOf, UdfError } from '../model/errors.js';
import { configuredSockets } from './conf.js';
import {
  configFileOf,
  daemonAt,
  InspectionError,
  kapacitordProcesses,
  readOrEmpty,
  rootOf,
} from './daemon-process.js';

export { InspectionError };

export interface InspectionOptions {
  /** Kapacitor's configuration file; by default the one that the running kapacitord was started with. */
  readonly config?: string | undefined;
  /** The mount point of the proc file system; default `/proc`. */
  readonly proc?: string | undefined;
}

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
  const file = config ?? configFileOf(daemon);
  try {
    const { sockets, processes } = configuredSockets(file);
    return {
      sockets: new Map(sockets.map(({ name, path }) => [name, path])),
      processes: new Set(processes),
      connections: openConnections(daemons.map(({ directory }) => directory)),
      daemonStartMs: Date.now() - daemon.ageSeconds * 1_000,
      root: rootOf(daemon),
    };
  } catch (reason) {
    if (reason instanceof UdfError && config !== undefined) throw reason;
    throw new InspectionError(
      `the sockets of UDFs are not known: ${messageOf(reason)}; give --config kapacitor.conf`,
    );
  }
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
