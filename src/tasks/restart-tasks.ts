import { setTimeout as sleep } from 'node:timers/promises';
import { KapacitorRefusal } from '../kapacitor/http.js';
import type { KapacitorApi } from '../kapacitor/api.js';
import type { Task } from '../kapacitor/types.js';
import { UdfError } from '../model/errors.js';
import { type Connection, type TaskConnections, udfNodes } from '../kapacitor/connections.js';

/** Whether a task was restarted, with the reason. */
export interface RestartOutcome {
  readonly id: string;
  /**
   * `connected`: left alone, since its connection is open. `unknown`: left alone, since nothing is known about its
   * connection. `failed`: refused by Kapacitor, or stopped right after.
   */
  readonly done: 'restarted' | 'connected' | 'unknown' | 'disabled' | 'failed';
  readonly reason: string;
}

export interface RestartOptions {
  readonly api: RestartApi & Pick<KapacitorApi, 'tasks'>;
  readonly connections: TaskConnections;
  /** Restart tasks whatever their connections; Kapacitor may crash if points flow meanwhile. */
  readonly force: boolean;
  readonly onOutcome?: (outcome: RestartOutcome) => Promise<void> | void;
}

/**
 * Restarts tasks by their names, or by patterns with `*` and `?`, if they have no open connection to the host of a UDF.
 * Disabled tasks stay disabled.
 *
 * Rejects with `refused` if there is no such task, before any is restarted, and otherwise as `KapacitorApi` does.
 */
export async function restartTasks(
  patterns: readonly string[],
  options: RestartOptions,
): Promise<RestartOutcome[]> {
  const { api, connections, force, onOutcome } = options;
  const all = await api.tasks();
  const chosen = new Map<string, Task>();
  for (const pattern of patterns) {
    const found = all.filter(({ id }) => matches(pattern, id));
    if (found.length === 0) throw new UdfError('refused', `there is no task ${pattern} in Kapacitor`);
    for (const task of found) chosen.set(task.id, task);
  }
  const connectionOf = connections(all);
  const outcomes: RestartOutcome[] = [];
  for (const task of chosen.values()) {
    const outcome = await restartUnlessConnected(api, task, connectionOf(task), force);
    outcomes.push(outcome);
    await onOutcome?.(outcome);
  }
  return outcomes;
}

function matches(pattern: string, id: string): boolean {
  const source = pattern.replaceAll(/[^*?]/g, (sign) => sign.replace(/[\\^$.|+()[\]{}]/, '\\$&'));
  return new RegExp(`^${source.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's').test(id);
}

async function restartUnlessConnected(
  api: RestartOptions['api'],
  task: Task,
  { state, reason }: Connection,
  force: boolean,
): Promise<RestartOutcome> {
  const { id } = task;
  if (task.status === 'disabled') return { id, done: 'disabled', reason: 'it is disabled' };
  if (!force && (state === 'connected' || state === 'unknown')) return { id, done: state, reason };
  try {
    await restartTask(api, task);
    return { id, done: 'restarted', reason: task.executing ? reason : `it had stopped: ${task.error}` };
  } catch (refusal) {
    if (!(refusal instanceof KapacitorRefusal)) throw refusal;
    return { id, done: 'failed', reason: refusal.reason };
  }
}

/** Max time to wait for Kapacitor to store the error of a task that was stopped. */
const errorStoredTimeoutMs = 1_000;
const pollIntervalMs = 20;

export type RestartApi = Pick<KapacitorApi, 'task' | 'disableTask' | 'enableTask'>;

/**
 * Disables and enables a task. Rejects as `KapacitorApi` does; the task may then be disabled.
 *
 * Kapacitor 1.5.7 to 1.8.3 may crash if points flow through one of its UDFs. A UDF that is stopped is an error to
 * Kapacitor, which stores it after it has answered, together with the status it read before: enabled any sooner, the task
 * would run but be stored as disabled, and not start with the next Kapacitor. So this waits for that error.
 */
export async function restartTask(
  api: RestartApi,
  { id, script, executing }: Pick<Task, 'id' | 'script' | 'executing'>,
  onDisabled?: (task: Task) => void,
): Promise<Task> {
  const disabled = await api.disableTask(id);
  onDisabled?.(disabled);
  if (executing && udfNodes({ script }).length > 0) {
    const end = performance.now() + errorStoredTimeoutMs;
    while ((await api.task(id))?.error === '' && performance.now() < end) await sleep(pollIntervalMs);
  }
  return api.enableTask(id);
}
