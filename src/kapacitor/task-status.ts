import type { KapacitorApi } from './api.js';
import { readTickscript } from './tickscript.js';
import type { Task } from './types.js';
import type { TaskConnections } from './connections.js';

/** Points through a node since the task was enabled. */
export interface NodeStatus {
  readonly name: string;
  readonly collected: number;
  readonly emitted: number;
  readonly errors: number;
}

export interface TaskStatus {
  readonly id: string;
  readonly type: string;
  readonly template: string | undefined;
  /** The UDFs that it uses. */
  readonly udfs: readonly string[];
  /**
   * `failed`: enabled, but stopped by an error. `lost`: shown as running by Kapacitor, but its connection to the host of
   * its UDFs is closed, so that it fails at its next point.
   */
  readonly state: 'running' | 'disabled' | 'failed' | 'lost';
  readonly error: string | undefined;
  /** When it was last enabled, in RFC 3339. */
  readonly enabledAt: string | undefined;
  /** Points a second, as Kapacitor measures them. */
  readonly throughput: number;
  readonly nodes: readonly NodeStatus[];
}

export interface StatusReport {
  readonly tasks: readonly TaskStatus[];
  /** Number of tasks left out because they use none of the UDFs. */
  readonly omitted: number;
}

export interface StatusOptions {
  readonly api: Pick<KapacitorApi, 'tasks'>;
  /** Only tasks that use one of these UDFs; all tasks if not given. */
  readonly udfs?: ReadonlySet<string> | undefined;
  readonly connections: TaskConnections;
}

/** The state of Kapacitor's tasks. Rejects as `KapacitorApi` does. */
export async function taskStatus({ api, udfs, connections }: StatusOptions): Promise<StatusReport> {
  const all = await api.tasks();
  const connectionOf = connections(all);
  const statuses = all.map((task) => statusOf(task, connectionOf(task).state === 'lost'));
  const tasks = udfs ? statuses.filter((task) => task.udfs.some((name) => udfs.has(name))) : statuses;
  return { tasks, omitted: statuses.length - tasks.length };
}

function statusOf(task: Task, lost: boolean): TaskStatus {
  const { id, type, 'template-id': template, status, executing, error, script, stats } = task;
  const enabledAt = task['last-enabled'];
  return {
    id,
    type,
    template: template === '' ? undefined : template,
    udfs: udfsOf(script),
    state: status === 'disabled' ? 'disabled' : !executing ? 'failed' : lost ? 'lost' : 'running',
    error: error === '' ? undefined : error,
    enabledAt: enabledAt === undefined || enabledAt.startsWith('0001-') ? undefined : enabledAt,
    throughput: stats?.['task-stats']?.throughput ?? 0,
    nodes: Object.entries(stats?.['node-stats'] ?? {})
      .map(([name, { collected = 0, emitted = 0, errors = 0 }]) => ({ name, collected, emitted, errors }))
      .sort((one, other) => nodeNumber(one.name) - nodeNumber(other.name)),
  };
}

/** The distinct names of the UDFs that a script uses. */
export function udfsOf(script: string): string[] {
  const used = readTickscript(script).nodes.filter(({ udf }) => udf);
  return [...new Set(used.map(({ name }) => name))];
}

/** Nodes are numbered in the order of the script: `from1`, `edgeDetect2`. */
function nodeNumber(node: string): number {
  return Number(/\d+$/.exec(node)?.[0] ?? 0);
}
