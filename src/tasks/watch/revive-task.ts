import { setTimeout as sleep } from 'node:timers/promises';
import type { KapacitorApi } from '../../kapacitor/api.js';
import type { Task } from '../../kapacitor/types.js';
import type { Connection } from '../../kapacitor/connections.js';
import { restartTask } from '../restart-tasks.js';
import type { RevivalJournal } from './revival-journal.js';
import { revisionOf, type WatchedTask } from './verdict.js';

export type ReviveApi = Pick<KapacitorApi, 'url' | 'task' | 'disableTask' | 'enableTask'>;

export interface ReviveOptions {
  readonly api: ReviveApi;
  readonly journal: RevivalJournal;
  /** The connections of a task, looked up anew. */
  readonly connectionOf: (task: Task) => Connection;
}

/** `changed`: the task is no longer as it was, and nothing was done. */
export type Revival =
  | { readonly result: 'revived' | 'changed'; readonly task: Task | undefined }
  | { readonly result: 'failed'; readonly task: Task | undefined; readonly reason: string };

/** Max time for the connections of a task that was enabled to be seen. */
const connectTimeoutMs = 2_000;
/** How long a task must run if its connections cannot be seen: Kapacitor reports a failed init a moment later. */
const settleMs = 300;
const pollIntervalMs = 50;

/**
 * Enables a task again by disabling and enabling it, if it is still as it was: to enable an enabled task does nothing in
 * Kapacitor. Resolves once it runs and is connected, or does not.
 *
 * Rejects as `KapacitorApi` does. Its journal entry then stays, so that the task is enabled by a later attempt.
 */
export async function reviveTask(known: WatchedTask, options: ReviveOptions): Promise<Revival> {
  const { api, journal } = options;
  const { id } = known;
  const current = await api.task(id);
  if (current?.status !== known.status || revisionOf(current) !== revisionOf(known)) {
    return { result: 'changed', task: current };
  }
  if (current.executing !== known.executing) return { result: 'changed', task: current };
  if (known.executing && options.connectionOf(current).state !== 'lost')
    return { result: 'changed', task: current };
  if (known.status === 'disabled') {
    await api.enableTask(id);
  } else {
    const pending = { begun: new Date().toISOString(), before: current.modified ?? '' };
    journal.begin(api.url, id, pending);
    await restartTask(api, current, ({ modified = '' }) => {
      journal.begin(api.url, id, { ...pending, disabled: modified });
    });
  }
  journal.end(api.url, id);
  return outcome(id, options);
}

async function outcome(id: string, { api, connectionOf }: ReviveOptions): Promise<Revival> {
  const start = performance.now();
  for (;;) {
    const task = await api.task(id);
    const failed = (reason: string): Revival => ({ result: 'failed', task, reason });
    if (!task) return failed('it was deleted');
    if (task.status === 'disabled') return failed('it was disabled meanwhile');
    const elapsed = performance.now() - start;
    if (task.executing) {
      const { state } = connectionOf(task);
      if (state === 'connected' || (state !== 'lost' && elapsed >= settleMs))
        return { result: 'revived', task };
    } else if (task.error !== '') {
      return failed(task.error);
    }
    if (elapsed >= connectTimeoutMs) {
      return failed(
        task.executing ? 'Kapacitor has not connected to its UDFs' : 'it stopped without an error',
      );
    }
    await sleep(pollIntervalMs);
  }
}
