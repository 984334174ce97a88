import { isDeepStrictEqual } from 'node:util';
import type { KapacitorApi } from '../kapacitor/api.js';
import { formatJson } from '../kapacitor/json.js';
import type { Task, TaskSettings, TaskVar, TaskVars } from '../kapacitor/types.js';
import { formatDuration, parseDuration } from '../model/duration.js';
import type { Connection } from '../kapacitor/connections.js';
import type { Definition } from './definitions.js';
import { type RecreateApi, recreateTask } from './recreate-task.js';
import { restartTask } from './restart-tasks.js';
import { unifiedDiff } from '../expect/differences.js';

/** The outcome of applying a definition; `details` are the lines of a difference or a reason. */
export interface Outcome {
  readonly done: 'defined' | 'changed' | 'enabled' | 'restarted' | 'unchanged' | 'failed';
  readonly details: readonly string[];
}

type ApplierApi = RecreateApi &
  Pick<
    KapacitorApi,
    'createTemplate' | 'updateTemplate' | 'task' | 'updateTask' | 'enableTask' | 'disableTask'
  >;

/** Which unchanged tasks to restart: all, none, or those whose connections are not open. */
export type RestartPolicy = 'all' | 'none' | ((task: Task) => Connection);

/** Creates or updates Kapacitor's templates and tasks by their definitions. Rejects as `KapacitorApi` does. */
export class Applier {
  readonly #api: ApplierApi;
  readonly #dryRun: boolean;
  readonly #restartPolicy: RestartPolicy;

  constructor(
    api: ApplierApi,
    { dryRun, restart }: { readonly dryRun: boolean; readonly restart: RestartPolicy },
  ) {
    this.#api = api;
    this.#dryRun = dryRun;
    this.#restartPolicy = restart;
  }

  apply(definition: Definition): Promise<Outcome> {
    return definition.kind === 'template' ? this.#template(definition) : this.#task(definition);
  }

  async #template({ id, file, settings }: Definition): Promise<Outcome> {
    const known = await this.#api.template(id);
    if (!known) {
      await this.#change(() => this.#api.createTemplate(id, settings));
      return { done: 'defined', details: [] };
    }
    const details = unifiedDiff(known.script, settings.script ?? '', [`${id} in Kapacitor`, file]);
    if (details.length === 0) return { done: 'unchanged', details };
    await this.#change(() => this.#api.updateTemplate(id, settings)); // Kapacitor restarts its tasks itself
    return { done: 'changed', details };
  }

  async #task({ id, file, settings }: Definition): Promise<Outcome> {
    const known = await this.#api.task(id);
    if (!known) {
      await this.#change(() => this.#api.createTask(id, { ...settings, status: 'enabled' }));
      return { done: 'defined', details: [] };
    }
    const details = differences(known, settings, file);
    if (details.length === 0) return this.#unchanged(known);
    await this.#change(async () => {
      if (known['template-id'] === (settings['template-id'] ?? '')) {
        await this.#api.updateTask(id, settings);
        await this.#restart(known);
      } else {
        await recreateTask(this.#api, known, settings);
      }
    });
    return { done: 'changed', details };
  }

  /** A task whose settings are as defined, running or not. */
  async #unchanged(known: Task): Promise<Outcome> {
    if (known.status === 'enabled' && known.executing) return this.#running(known);
    await this.#change(() => this.#restart(known));
    return {
      done: 'enabled',
      details: [known.error === '' ? 'it was disabled' : `it had stopped: ${known.error}`],
    };
  }

  async #running(known: Task): Promise<Outcome> {
    if (this.#restartPolicy === 'none') return { done: 'unchanged', details: [] };
    if (this.#restartPolicy !== 'all') {
      const { state, reason } = this.#restartPolicy(known);
      if (state === 'connected') return { done: 'unchanged', details: [`left running: ${reason}`] };
      if (state === 'unknown') {
        return { done: 'unchanged', details: [`not restarted: ${reason}; --force restarts it`] };
      }
    }
    await this.#change(() => this.#restart(known));
    return { done: 'restarted', details: [] };
  }

  /** A running task keeps its old script until it is enabled again. */
  async #restart(task: Task): Promise<void> {
    if (task.status === 'enabled') await restartTask(this.#api, task);
    else await this.#api.enableTask(task.id);
  }

  async #change(change: () => Promise<unknown>): Promise<void> {
    if (!this.#dryRun) await change();
  }
}

/** Variables and databases that the definition does not name are not compared. */
function differences(known: Task, settings: TaskSettings, file: string): string[] {
  const { script, vars, dbrps, 'template-id': template = '' } = settings;
  const lines: string[] = [];
  if (known['template-id'] !== template) {
    const source = (id: string): string => (id === '' ? 'a script of its own' : `the template ${id}`);
    lines.push(`from ${source(known['template-id'])} to ${source(template)}`);
  }
  if (script !== undefined)
    lines.push(...unifiedDiff(known.script, script, [`${known.id} in Kapacitor`, file]));
  if (vars && !isDeepStrictEqual(comparable(known.vars), comparable(vars))) {
    lines.push(...lineDifferences('variables', varLines(known.vars), varLines(vars)));
  }
  if (dbrps && !isDeepStrictEqual(dbrpLines(known.dbrps), dbrpLines(dbrps))) {
    lines.push(...lineDifferences('databases', dbrpLines(known.dbrps), dbrpLines(dbrps)));
  }
  return lines;
}

function lineDifferences(what: string, before: readonly string[], after: readonly string[]): string[] {
  return unifiedDiff(before.map((line) => `${line}\n`).join(''), after.map((line) => `${line}\n`).join(''), [
    `${what} in Kapacitor`,
    what,
  ]);
}

const dbrpLines = (dbrps: TaskSettings['dbrps']): string[] =>
  (dbrps ?? []).map(({ db, rp }) => `"${db}"."${rp}"`).sort();

function varLines(vars: TaskVars): string[] {
  return Object.entries(comparable(vars))
    .map(([name, { type, value }]) => `${name}: ${type} ${formatJson(value)}`)
    .sort();
}

/** Variables in one notation: Kapacitor reformats durations, expressions and lists. */
function comparable(vars: TaskVars): TaskVars {
  return Object.fromEntries(Object.entries(vars).map(([name, value]) => [name, comparableVar(value)]));
}

function comparableVar({ type, value }: TaskVar): TaskVar {
  const given: unknown = value; // Kapacitor accepts and returns more than the type says
  if (type === 'duration') return { type, value: comparableDuration(given) };
  if (type === 'lambda' && typeof given === 'string')
    return { type, value: given.replace(/\s+/g, ' ').trim() };
  if (type === 'list' && Array.isArray(given))
    return { type, value: (given as TaskVar[]).map(comparableVar) };
  return { type, value } as TaskVar; // unchanged
}

/** Kapacitor returns nanoseconds. */
function comparableDuration(given: unknown): string {
  try {
    return formatDuration(
      typeof given === 'number' || typeof given === 'bigint' ? BigInt(given) : parseDuration(String(given)),
    );
  } catch {
    return String(given);
  }
}
