import { KapacitorApi } from '../kapacitor/api.js';
import { kapacitorTarget } from '../kapacitor/target.js';
import { readTickscript } from '../kapacitor/tickscript.js';
import type { Task } from '../kapacitor/types.js';
import { availableUdfs, type Udfs } from '../host/available-udfs.js';
import { ExitCode } from '../cli/exit-code.js';
import type { LoadOptions, LogOptions } from '../cli/options.js';
import { print, printJson } from '../cli/print.js';

export interface StatusOptions extends LogOptions, LoadOptions {
  readonly url?: string;
  readonly all?: true;
  readonly json?: true;
}

/** Prints how the tasks that use our UDFs do; the exit code is 1 if one that is enabled does not run. */
export async function runStatus(options: StatusOptions): Promise<void> {
  const api = new KapacitorApi(kapacitorTarget(options.url, process.env));
  const udfs = await availableUdfs(options.load);
  const tasks = (await api.tasks())
    .map((task) => described(task, udfs))
    .filter((task) => options.all === true || task.udfs.length > 0);
  if (options.json) await printJson(tasks);
  else if (tasks.length === 0) await print(`no task at ${api.url} uses ${[...udfs.keys()].join(', ')}`);
  else await print(tasks.map(section).join('\n'));
  if (tasks.some(({ state }) => state === 'failed')) throw new ExitCode(1);
}

interface NodeStatus {
  readonly name: string;
  readonly collected: number;
  readonly emitted: number;
  readonly errors: number;
}

interface TaskStatus {
  readonly id: string;
  readonly type: string;
  readonly template: string | undefined;
  /** Our UDFs that it uses. */
  readonly udfs: readonly string[];
  readonly state: 'running' | 'disabled' | 'failed';
  readonly error: string | undefined;
  /** Points a second, as Kapacitor measures them. */
  readonly throughput: number;
  readonly nodes: readonly NodeStatus[];
}

function described(task: Task, udfs: Udfs): TaskStatus {
  const { id, type, 'template-id': template, status, executing, error, script, stats } = task;
  const used = readTickscript(script).nodes.filter(({ name, udf }) => udf && udfs.has(name));
  const failed = status === 'enabled' && !executing;
  return {
    id,
    type,
    template: template === '' ? undefined : template,
    udfs: [...new Set(used.map(({ name }) => name))],
    state: failed ? 'failed' : status === 'enabled' ? 'running' : 'disabled',
    error: error === '' ? undefined : error,
    throughput: stats?.['task-stats']?.throughput ?? 0,
    nodes: Object.entries(stats?.['node-stats'] ?? {})
      .map(([name, { collected = 0, emitted = 0, errors = 0 }]) => ({ name, collected, emitted, errors }))
      .sort((one, other) => numberOf(one.name) - numberOf(other.name)),
  };
}

/** Nodes are numbered in the order of the script: `from1`, `edgeDetect2`. */
function numberOf(node: string): number {
  return Number(/\d+$/.exec(node)?.[0] ?? 0);
}

function section({ id, state, type, udfs, throughput, error, nodes, template }: TaskStatus): string {
  const made = template === undefined ? '' : `, from template ${template}`;
  const rate = state === 'running' ? `, ${throughput.toFixed(1)} points/s` : '';
  const lines = [
    `${state.padEnd(8)}  ${id}  (${[type, ...udfs.map((name) => `@${name}`)].join(' ')}${made})${rate}`,
  ];
  if (error !== undefined) lines.push(`          error: ${error.replace(/\s*\n\s*/g, ' ')}`);
  if (nodes.length > 0) lines.push(`          ${nodes.map(nodeText).join(', ')}`);
  return lines.join('\n');
}

function nodeText({ name, collected, emitted, errors }: NodeStatus): string {
  const wrong = errors > 0 ? ` (${errors} errors)` : '';
  return `${name} ${collected} → ${emitted}${wrong}`;
}
