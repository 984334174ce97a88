import { randomBytes } from 'node:crypto';
import { messageOf, UdfError } from '../model/errors.js';
import type { KapacitorApi } from '../kapacitor/api.js';
import { KapacitorRefusal } from '../kapacitor/http.js';
import { readTickscript } from '../kapacitor/tickscript.js';
import type { Task, TaskSettings } from '../kapacitor/types.js';

export type RemakeApi = Pick<KapacitorApi, 'createTask' | 'deleteTask' | 'template'>;

/**
 * Makes a task anew, and enables it, where Kapacitor does not change one: a task that is made from a template cannot be
 * given a script, nor the other way round. Its snapshot goes.
 *
 * Rejects as `KapacitorApi` does. The task is untouched if Kapacitor refuses the definition; if it refuses only to start
 * the new task, or goes away meanwhile, the error says what became of the old one, which is created again.
 */
export async function remakeTask(api: RemakeApi, known: Task, settings: TaskSettings): Promise<void> {
  const whole = await withWhatIsSet(api, known, settings);
  await tryOut(api, whole);
  try {
    await api.deleteTask(known.id);
    await api.createTask(known.id, { ...whole, status: 'enabled' });
  } catch (reason) {
    throw noted(reason, await restore(api, known));
  }
}

/** Variables and databases that are not named are those of the task, as in a change of one. */
async function withWhatIsSet(api: RemakeApi, known: Task, settings: TaskSettings): Promise<TaskSettings> {
  const { script, 'template-id': template = '', vars = known.vars, dbrps } = settings;
  const text = script ?? (await api.template(template))?.script ?? '';
  return { ...settings, vars, ...(dbrps ? { dbrps } : dbrpsBeside(text, known)) };
}

/** Kapacitor takes databases from a script that names some, and then from nowhere else. */
function dbrpsBeside(script: string, { dbrps }: Task): Pick<TaskSettings, 'dbrps'> {
  return readTickscript(script).dbrps.length > 0 ? {} : { dbrps };
}

/** Has Kapacitor check a definition in a task of its own, which never runs. */
async function tryOut(api: RemakeApi, settings: TaskSettings): Promise<void> {
  const trial = `kapacitor-udf-trial-${randomBytes(6).toString('hex')}`;
  try {
    await api.createTask(trial, { ...settings, status: 'disabled' });
  } finally {
    await api.deleteTask(trial); // well if there is none
  }
}

/** Creates a task again, and says how that went. Never rejects. */
async function restore(api: RemakeApi, known: Task): Promise<string> {
  const { id, type, script, vars, status, 'template-id': template } = known;
  const made = template === '' ? { script, type } : { 'template-id': template };
  try {
    await api.deleteTask(id); // a new task that cannot be started is there all the same
    await api.createTask(id, { ...made, ...dbrpsBeside(script, known), vars, status });
    return 'the task is again as it was, but for its snapshot, which is gone';
  } catch (reason) {
    return `the task as it was cannot be created again: ${messageOf(reason)}`;
  }
}

function noted(reason: unknown, note: string): Error {
  if (reason instanceof KapacitorRefusal) {
    return new KapacitorRefusal(reason.status, reason.request, `${reason.reason}; ${note}`);
  }
  const { code, message } = UdfError.from(reason, 'internal');
  return new UdfError(code, `${message}; ${note}`, { cause: reason });
}
