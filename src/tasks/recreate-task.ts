import { randomBytes } from 'node:crypto';
import { messageOf, UdfError } from '../model/errors.js';
import type { KapacitorApi } from '../kapacitor/api.js';
import { KapacitorRefusal } from '../kapacitor/http.js';
import { readTickscript } from '../kapacitor/tickscript.js';
import type { Task, TaskSettings } from '../kapacitor/types.js';

export type RecreateApi = Pick<KapacitorApi, 'createTask' | 'deleteTask' | 'template'>;

/**
 * Deletes a task, creates it anew and enables it. Needed where Kapacitor cannot update it: between a template and a
 * script of its own. The task's snapshot is lost.
 *
 * Rejects as `KapacitorApi` does. The task is untouched if Kapacitor refuses the definition. If the new task cannot be
 * started or Kapacitor stops answering, the old task is created again, and the error says whether that succeeded.
 */
export async function recreateTask(api: RecreateApi, known: Task, settings: TaskSettings): Promise<void> {
  const complete = await completeSettings(api, known, settings);
  await validate(api, complete);
  try {
    await api.deleteTask(known.id);
    await api.createTask(known.id, { ...complete, status: 'enabled' });
  } catch (reason) {
    throw withNote(reason, await restore(api, known));
  }
}

/** Adds the task's own variables and databases where the settings name none. */
async function completeSettings(
  api: RecreateApi,
  known: Task,
  settings: TaskSettings,
): Promise<TaskSettings> {
  const { script, 'template-id': template = '', vars = known.vars, dbrps } = settings;
  const text = script ?? (await api.template(template))?.script ?? '';
  return { ...settings, vars, ...(dbrps ? { dbrps } : dbrpsUnlessIn(text, known)) };
}

/** The task's databases, unless the script names its own: Kapacitor refuses both. */
function dbrpsUnlessIn(script: string, { dbrps }: Task): Pick<TaskSettings, 'dbrps'> {
  return readTickscript(script).dbrps.length > 0 ? {} : { dbrps };
}

/** Validates a definition by creating a disabled task from it. Rejects if Kapacitor refuses it. */
async function validate(api: RecreateApi, settings: TaskSettings): Promise<void> {
  const trial = `kapacitor-udf-trial-${randomBytes(6).toString('hex')}`;
  try {
    await api.createTask(trial, { ...settings, status: 'disabled' });
  } finally {
    await api.deleteTask(trial); // no-op if it was refused
  }
}

/** Creates a deleted task again. Returns a sentence about the result; never rejects. */
async function restore(api: RecreateApi, known: Task): Promise<string> {
  const { id, type, script, vars, status, 'template-id': template } = known;
  const source = template === '' ? { script, type } : { 'template-id': template };
  try {
    await api.deleteTask(id); // Kapacitor keeps a new task that it cannot start
    await api.createTask(id, { ...source, ...dbrpsUnlessIn(script, known), vars, status });
    return 'the task is again as it was, but for its snapshot, which is gone';
  } catch (reason) {
    return `the task as it was cannot be created again: ${messageOf(reason)}`;
  }
}

function withNote(reason: unknown, note: string): Error {
  if (reason instanceof KapacitorRefusal) {
    return new KapacitorRefusal(reason.status, reason.request, `${reason.reason}; ${note}`);
  }
  const { code, message } = UdfError.from(reason, 'internal');
  return new UdfError(code, `${message}; ${note}`, { cause: reason });
}
