import type { UseStats } from '../../model/statistics.js';
import {
  type ConnectedTask,
  type Connection,
  type TaskConnections,
  udfNodes,
  withoutUdf,
} from '../../kapacitor/connections.js';

export interface HostConnectionsOptions {
  /** The uses of UDFs in this process, as `Host.stats` has them. */
  readonly uses: () => readonly UseStats[];
  /** The UDFs of this process. */
  readonly udfs: ReadonlySet<string>;
  /** What the machine's sockets tell, for everything that this process does not know. */
  readonly machine: TaskConnections;
  /**
   * Whether this process serves a single Kapacitor. If so, a use by one of its tasks proves that it reaches this process
   * under that UDF's name; tasks of the same name in two Kapacitors prove nothing.
   */
  readonly isOnlyKapacitor: boolean;
}

/** Longer names are cut in statistics. */
const maxNameLength = 200;

/**
 * Determines the connections of tasks from those that are open to this process, which names their tasks, as the kernel's
 * table of sockets does not.
 *
 * A task without a connection here is lost if its UDFs are all of this process, and if another use of each by the same
 * Kapacitor shows that they are reached here; otherwise `machine` decides.
 */
export function hostConnections(options: HostConnectionsOptions): TaskConnections {
  const { uses, udfs, machine, isOnlyKapacitor } = options;
  return (tasks) => {
    const open = new Map<string, number>();
    for (const { udf, task, connections } of uses()) {
      const key = keyOf(task, udf);
      open.set(key, (open.get(key) ?? 0) + connections);
    }
    const reached = new Set<string>();
    for (const task of isOnlyKapacitor ? tasks : []) {
      for (const udf of udfNodes(task)) if ((open.get(keyOf(task.id, udf)) ?? 0) > 0) reached.add(udf);
    }
    let inspected: ((task: ConnectedTask) => Connection) | undefined;
    const onMachine = (task: ConnectedTask): Connection => (inspected ??= machine(tasks))(task);

    return (task) => {
      const none = withoutUdf(task);
      if (none) return none;
      const nodes = udfNodes(task);
      if (task.id.length > maxNameLength || !nodes.every((udf) => udfs.has(udf))) return onMachine(task);
      const distinct = [...new Set(nodes)];
      const here = distinct.map((udf) => open.get(keyOf(task.id, udf)) ?? 0);
      const expected = distinct.map((udf) => nodes.filter((name) => name === udf).length);
      if (here.every((count, index) => count >= expected[index]!)) {
        return { state: 'connected', reason: 'it is connected to this host' };
      }
      if (here.some((count) => count > 0)) {
        return { state: 'unknown', reason: 'only some of its UDFs are connected to this host' };
      }
      const reason = 'it has no connection to this host';
      if (distinct.every((udf) => reached.has(udf))) return { state: 'lost', reason };
      const { state, reason: seen } = onMachine(task);
      return { state, reason: `${reason}; ${seen}` };
    };
  };
}

function keyOf(task: string, udf: string): string {
  return `${udf} ${task}`;
}
