import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../model/errors.js';
import type { KapacitorApi } from '../kapacitor/api.js';
import { KapacitorRefusal } from '../kapacitor/http.js';
import type { Dbrp } from '../kapacitor/types.js';
import { Applier, type Outcome } from './applier.js';
import type { TaskConnections } from '../kapacitor/connections.js';
import { type Definition, readDefinitions } from './definitions.js';

export interface ApplyOptions {
  readonly api: KapacitorApi;
  /** Databases for scripts that name none. */
  readonly dbrps?: readonly Dbrp[] | undefined;
  /** Change nothing, and return the outcomes of a real run. */
  readonly dryRun: boolean;
  /** Also restart unchanged tasks: `all`, or those without an open connection to the host of their UDFs. */
  readonly restart: 'none' | 'disconnected' | 'all';
  readonly connections: TaskConnections;
  /** Max time to wait for Kapacitor to answer, in milliseconds. */
  readonly waitMs: number;
  /** Called with the reason each time that Kapacitor does not answer. */
  readonly onWaiting?: (reason: string) => void;
  /** A task that stops as soon as it has started has a second outcome, `failed`, which replaces its first in the result. */
  readonly onOutcome?: (outcome: ApplyOutcome) => Promise<void> | void;
}

/** The outcome of a definition, or of a file that defines nothing. */
export interface ApplyOutcome extends Outcome {
  /** For people: `task adsl-edges (tasks/adsl-edges.tick)`. */
  readonly subject: string;
}

/** Kapacitor reports refused UDF options only some time after it has enabled the task. */
const startTimeMs = 300;
const retryIntervalMs = 1_000;

/**
 * Creates or updates Kapacitor's templates and tasks by the definitions in a directory, and enables the tasks. A failure
 * is an outcome `failed`, and does not prevent others from being applied.
 *
 * Rejects with `invalid_config` as `readDefinitions` does, and with `connection` if Kapacitor does not answer.
 */
export async function applyTasks(directory: string, options: ApplyOptions): Promise<ApplyOutcome[]> {
  const { api, dryRun, restart, onOutcome } = options;
  const { definitions, problems } = readDefinitions(directory, options.dbrps);
  await waitForKapacitor(options);
  const connectionOf = restart === 'disconnected' ? options.connections(await api.tasks()) : undefined;
  const applier = new Applier(api, { dryRun, restart: connectionOf ?? (restart === 'all' ? 'all' : 'none') });
  const outcomes: ApplyOutcome[] = [];
  const report = async (subject: string, outcome: Outcome): Promise<void> => {
    outcomes.push({ subject, ...outcome });
    await onOutcome?.({ subject, ...outcome });
  };
  for (const { file, message } of problems) await report(file, { done: 'failed', details: [message] });
  const started: (readonly [definition: Definition, index: number])[] = [];
  for (const definition of definitions) {
    const { kind, id, file } = definition;
    const outcome = await apply(applier, definition);
    if (kind === 'task' && !['failed', 'unchanged'].includes(outcome.done))
      started.push([definition, outcomes.length]);
    await report(`${kind} ${id} (${file})`, outcome);
  }
  if (dryRun || started.length === 0) return outcomes;
  await sleep(startTimeMs);
  for (const [{ id, file }, index] of started) {
    const task = await api.task(id);
    if (!task || task.executing) continue;
    const subject = `task ${id} (${file}) stopped as soon as it was started`;
    outcomes[index] = { subject, done: 'failed', details: [task.error] };
    await onOutcome?.(outcomes[index]);
  }
  return outcomes;
}

/** The number of outcomes of each kind: `2 defined, 5 unchanged`. */
export function countOutcomes(outcomes: readonly { readonly done: string }[]): string {
  const counts = new Map<string, number>();
  for (const { done } of outcomes) counts.set(done, (counts.get(done) ?? 0) + 1);
  return [...counts].map(([done, count]) => `${count} ${done}`).join(', ');
}

async function apply(applier: Applier, definition: Definition): Promise<Outcome> {
  try {
    return await applier.apply(definition);
  } catch (reason) {
    if (!(reason instanceof KapacitorRefusal)) throw reason;
    return { done: 'failed', details: reason.reason.split('\n') };
  }
}

async function waitForKapacitor({ api, waitMs, onWaiting }: ApplyOptions): Promise<void> {
  const end = performance.now() + waitMs;
  for (;;) {
    try {
      await api.ping();
      return;
    } catch (reason) {
      if (performance.now() >= end) throw reason;
      onWaiting?.(messageOf(reason));
    }
    await sleep(Math.min(retryIntervalMs, Math.max(0, end - performance.now())));
  }
}
