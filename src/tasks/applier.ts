import { isDeepStrictEqual } from 'node:util';
import type { KapacitorApi } from '../kapacitor/api.js';
import type { Task, TaskSettings, TaskVar, TaskVars } from '../kapacitor/types.js';
import { formatDuration, parseDuration } from '../model/duration.js';
import type { Definition } from './definitions.js';
import { type RemakeApi, remakeTask } from './remake-task.js';
import { unifiedDiff } from '../expect/differences.js';

/** What became of a definition, and what there is to say about it. */
export interface Outcome {
  readonly done: 'defined' | 'changed' | 'enabled' | 'restarted' | 'unchanged' | 'failed';
  readonly details: readonly string[];
}

type ApplierApi = RemakeApi &
  Pick<
    KapacitorApi,
    'createTemplate' | 'updateTemplate' | 'task' | 'updateTask' | 'enableTask' | 'disableTask'
  >;

/** Brings templates and tasks of Kapacitor to what their definitions say. Rejects as `KapacitorApi` does. */
export class Applier {
  readonly #api: ApplierApi;
  readonly #dryRun: boolean;
  readonly #restartAll: boolean;

  /** `restart`: also the tasks that are as they should be. */
  constructor(api: ApplierApi, { dryRun, restart }: { readonly dryRun: boolean; readonly restart: boolean }) {
    this.#api = api;
    this.#dryRun = dryRun;
    this.#restartAll = restart;
  }

  apply(definition: Definition): Promise<Outcome> {
    return definition.kind === 'template' ? this.#template(definition) : this.#task(definition);
  }

  async #template({ id, file, settings }: Definition): Promise<Outcome> {
    const known = await this.#api.template(id);
    if (!known) {
      await this.#do(() => this.#api.createTemplate(id, settings));
      return { done: 'defined', details: [] };
    }
    const details = unifiedDiff(known.script, settings.script ?? '', [`${id} in Kapacitor`, file]);
    if (details.length === 0) return { done: 'unchanged', details };
    await this.#do(() => this.#api.updateTemplate(id, settings)); // Kapacitor restarts its tasks itself
    return { done: 'changed', details };
  }

  async #task({ id, file, settings }: Definition): Promise<Outcome> {
    const known = await this.#api.task(id);
    if (!known) {
      await this.#do(() => this.#api.createTask(id, { ...settings, status: 'enabled' }));
      return { done: 'defined', details: [] };
    }
    const details = differences(known, settings, file);
    if (details.length === 0) return this.#running(known);
    await this.#do(async () => {
      if (known['template-id'] === (settings['template-id'] ?? '')) {
        await this.#api.updateTask(id, settings);
        await this.#restart(known);
      } else {
        await remakeTask(this.#api, known, settings);
      }
    });
    return { done: 'changed', details };
  }

  /** A task that is as it should be, running or not. */
  async #running(known: Task): Promise<Outcome> {
    if (known.status === 'enabled' && known.executing) {
      if (!this.#restartAll) return { done: 'unchanged', details: [] };
      await this.#do(() => this.#restart(known));
      return { done: 'restarted', details: [] };
    }
    await this.#do(() => this.#restart(known));
    return {
      done: 'enabled',
      details: [known.error === '' ? 'it was disabled' : `it had stopped: ${known.error}`],
    };
  }

  /** A task that runs goes on with its old script until it is enabled anew. */
  async #restart({ id, status }: Task): Promise<void> {
    if (status === 'enabled') await this.#api.disableTask(id);
    await this.#api.enableTask(id);
  }

  async #do(change: () => Promise<unknown>): Promise<void> {
    if (!this.#dryRun) await change();
  }
}

/** Variables and databases that the definition does not name are left as somebody set them. */
function differences(known: Task, settings: TaskSettings, file: string): string[] {
  const { script, vars, dbrps, 'template-id': template = '' } = settings;
  const lines: string[] = [];
  if (known['template-id'] !== template) {
    const named = (id: string): string => (id === '' ? 'a script of its own' : `the template ${id}`);
    lines.push(`from ${named(known['template-id'])} to ${named(template)}`);
  }
  if (script !== undefined)
    lines.push(...unifiedDiff(known.script, script, [`${known.id} in Kapacitor`, file]));
  if (vars && !isDeepStrictEqual(comparable(known.vars), comparable(vars))) {
    lines.push(...pairs('variables', shown(known.vars), shown(vars)));
  }
  if (dbrps && !isDeepStrictEqual(plain(known.dbrps), plain(dbrps))) {
    lines.push(...pairs('databases', plain(known.dbrps), plain(dbrps)));
  }
  return lines;
}

function pairs(what: string, before: readonly string[], after: readonly string[]): string[] {
  return unifiedDiff(before.map((line) => `${line}\n`).join(''), after.map((line) => `${line}\n`).join(''), [
    `${what} in Kapacitor`,
    what,
  ]);
}

const plain = (dbrps: TaskSettings['dbrps']): string[] =>
  (dbrps ?? []).map(({ db, rp }) => `"${db}"."${rp}"`).sort();

function shown(vars: TaskVars): string[] {
  return Object.entries(comparable(vars))
    .map(([name, { type, value }]) => `${name}: ${type} ${JSON.stringify(value)}`)
    .sort();
}

/** Kapacitor writes durations, expressions and lists in its own way. */
function comparable(vars: TaskVars): TaskVars {
  return Object.fromEntries(Object.entries(vars).map(([name, value]) => [name, plainVar(value)]));
}

function plainVar({ type, value }: TaskVar): TaskVar {
  const given: unknown = value; // Kapacitor takes and gives more than the type says
  if (type === 'duration') return { type, value: plainDuration(given) };
  if (type === 'lambda' && typeof given === 'string')
    return { type, value: given.replace(/\s+/g, ' ').trim() };
  if (type === 'list' && Array.isArray(given)) return { type, value: (given as TaskVar[]).map(plainVar) };
  return { type, value } as TaskVar; // as it came
}

/** Kapacitor gives nanoseconds. */
function plainDuration(given: unknown): string {
  try {
    return formatDuration(typeof given === 'number' ? BigInt(given) : parseDuration(String(given)));
  } catch {
    return String(given);
  }
}
