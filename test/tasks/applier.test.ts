import { describe, expect, test } from 'vitest';
import { Applier } from '../../src/tasks/applier.js';
import type { Definition } from '../../src/tasks/definitions.js';
import { UdfError } from '../../src/model/errors.js';
import { KapacitorRefusal } from '../../src/kapacitor/http.js';
import { readTickscript } from '../../src/kapacitor/tickscript.js';
import type { Task, TaskSettings, Template } from '../../src/kapacitor/types.js';
import { taskVar } from '../support/task-var.js';

const dbrps = [{ db: 'db', rp: 'rp' }];
const vars = { limit: taskVar.float(5) };

/** What the applier uses of Kapacitor, with the rules of version 1.5.7. */
class Kapacitor {
  readonly tasks = new Map<string, Task>();
  readonly templates = new Map<string, Template>();
  /** Every change that was asked for. */
  readonly asked: string[] = [];
  /** So many changes are answered; then it is away. */
  answers = Infinity;

  task = (id: string) => Promise.resolve(this.tasks.get(id));
  template = (id: string) => Promise.resolve(this.templates.get(id));

  createTask = async (id: string, settings: TaskSettings): Promise<Task> => {
    await this.#change(`create ${this.#shown(id)} ${settings.status}`);
    if (this.tasks.has(id)) throw refusal('the task is there already');
    const { 'template-id': templateId = '', script = this.templates.get(templateId)?.script } = settings;
    if (script === undefined) throw refusal(`there is no template ${templateId}`);
    const own = readTickscript(script).dbrps.map(({ db, rp }) => ({ db, rp }));
    const given = settings.dbrps ?? [];
    if (own.length + given.length === 0) throw refusal('must specify dbrp');
    if (own.length > 0 && given.length > 0) throw refusal('dbrp twice');
    if (script.includes('wrong')) throw refusal('no method or property "wrong"');
    const task = taskOf(id, { ...settings, script, dbrps: [...own, ...given] });
    this.tasks.set(id, task); // also one that then cannot be started
    if (task.executing && script.includes('@away')) throw refusal('no such UDF host');
    return task;
  };

  updateTask = async (id: string, settings: TaskSettings): Promise<Task> => {
    await this.#change(`update ${id}`);
    const task: Task = { ...this.tasks.get(id)!, ...settings };
    this.tasks.set(id, task);
    return task;
  };

  enableTask = async (id: string): Promise<Task> => {
    await this.#change(`enable ${id}`);
    return this.#put({ ...this.tasks.get(id)!, status: 'enabled', executing: true });
  };

  disableTask = async (id: string): Promise<Task> => {
    await this.#change(`disable ${id}`);
    return this.#put({ ...this.tasks.get(id)!, status: 'disabled', executing: false });
  };

  deleteTask = async (id: string): Promise<void> => {
    await this.#change(`delete ${this.#shown(id)}`);
    this.tasks.delete(id);
  };

  createTemplate = (): never => {
    throw new Error('no test creates one');
  };

  updateTemplate = this.createTemplate;

  #put(task: Task): Task {
    this.tasks.set(task.id, task);
    return task;
  }

  /** The name of a trial is another one each time. */
  #shown(id: string): string {
    return id.replace(/^kapacitor-udf-trial-.*/, 'a trial');
  }

  async #change(what: string): Promise<void> {
    await Promise.resolve();
    if (this.answers-- <= 0) throw new UdfError('connection', 'no answer from Kapacitor');
    this.asked.push(what);
  }
}

const refusal = (reason: string): KapacitorRefusal => new KapacitorRefusal(400, 'POST /tasks', reason);

function taskOf(id: string, settings: TaskSettings): Task {
  const { status = 'enabled', script = '', vars = {}, 'template-id': template = '' } = settings;
  return {
    id,
    script,
    status,
    vars,
    'template-id': template,
    dbrps: settings.dbrps ?? [],
    type: 'stream',
    dot: '',
    executing: status === 'enabled',
    error: '',
    stats: null,
  };
}

function kapacitorWith({ task, template }: { task: TaskSettings; template?: string }): Kapacitor {
  const kapacitor = new Kapacitor();
  kapacitor.tasks.set('t', taskOf('t', task));
  if (template !== undefined) {
    const rest = { type: 'stream', error: '', vars: {} } as const;
    kapacitor.templates.set('tmpl', { id: 'tmpl', script: template, ...rest });
  }
  return kapacitor;
}

const definition = (settings: TaskSettings): Definition => ({ kind: 'task', id: 't', file: 't', settings });

function apply(kapacitor: Kapacitor, settings: TaskSettings, dryRun = false) {
  return new Applier(kapacitor, { dryRun, restart: 'none' }).apply(definition(settings));
}

const plain = 'stream|from()';
const naming = 'dbrp "own"."rp"\nstream|from()';
const fromTemplate = { 'template-id': 'tmpl' };

describe('a task with a script that is to be made from a template, or the other way round,', () => {
  test('is made anew, once Kapacitor has taken the definition on trial', async () => {
    const kapacitor = kapacitorWith({ task: { script: plain, dbrps }, template: `${plain}|log()` });
    const { done, details } = await apply(kapacitor, fromTemplate);
    expect({ done, details }).toEqual({
      done: 'changed',
      details: ['from a script of its own to the template tmpl'],
    });
    expect(kapacitor.asked).toEqual([
      'create a trial disabled',
      'delete a trial',
      'delete t',
      'create t enabled',
    ]);
    expect([...kapacitor.tasks.keys()]).toEqual(['t']);
    expect(kapacitor.tasks.get('t')).toMatchObject({ ...fromTemplate, executing: true });
  });

  test.each<[string, TaskSettings, TaskSettings]>([
    ['to a template', { script: plain, dbrps, vars }, fromTemplate],
    ['to a script', { ...fromTemplate, script: plain, dbrps, vars }, { script: `${plain}|log()` }],
  ])('keeps variables and databases that its definition does not name: %s', async (_, task, settings) => {
    const kapacitor = kapacitorWith({ task, template: plain });
    await apply(kapacitor, settings);
    expect(kapacitor.tasks.get('t')).toMatchObject({ dbrps, vars });
  });

  test('has the variables and databases that its definition names', async () => {
    const kapacitor = kapacitorWith({ task: { script: plain, dbrps, vars }, template: plain });
    const named = { vars: { limit: taskVar.float(7) }, dbrps: [{ db: 'other', rp: 'rp' }] };
    await apply(kapacitor, { ...fromTemplate, ...named });
    expect(kapacitor.tasks.get('t')).toMatchObject(named);
  });

  test.each<[string, TaskSettings, TaskSettings, string]>([
    ['script', { ...fromTemplate, script: plain, dbrps }, { script: naming }, plain],
    ['template', { script: plain, dbrps }, fromTemplate, naming],
  ])('has the databases that the new %s names', async (_, task, settings, template) => {
    const kapacitor = kapacitorWith({ task, template });
    await apply(kapacitor, settings);
    expect(kapacitor.tasks.get('t')).toMatchObject({ dbrps: [{ db: 'own', rp: 'rp' }] });
  });

  test.each<[string, TaskSettings, string]>([
    ['a script that is wrong', { script: `${plain}|wrong()` }, 'no method or property "wrong"'],
    ['a template that is not there', { 'template-id': 'none' }, 'there is no template none'],
  ])('is left as it is, and goes on, when Kapacitor refuses %s', async (_, settings, reason) => {
    const before = settings.script === undefined ? {} : fromTemplate;
    const kapacitor = kapacitorWith({ task: { ...before, script: plain, dbrps }, template: plain });
    const was = kapacitor.tasks.get('t');
    await expect(apply(kapacitor, settings)).rejects.toMatchObject({ reason });
    expect([...kapacitor.tasks.values()]).toEqual([was]);
    expect(kapacitor.asked).not.toContain('delete t');
  });

  test.each<[string, TaskSettings]>([
    ['that runs', { script: plain, dbrps, vars }],
    ['that names its databases', { script: naming, dbrps: [{ db: 'own', rp: 'rp' }] }],
    ['that is disabled', { script: plain, dbrps, status: 'disabled' }],
  ])('is created again as it was when the new one cannot be started: one %s', async (_, task) => {
    const kapacitor = kapacitorWith({ task, template: `${plain}@away()` });
    const was = kapacitor.tasks.get('t');
    const named = { ...fromTemplate, dbrps };
    const failed = apply(kapacitor, named);
    await expect(failed).rejects.toBeInstanceOf(KapacitorRefusal);
    await expect(failed).rejects.toMatchObject({
      reason: 'no such UDF host; the task is again as it was, but for its snapshot, which is gone',
    });
    expect([...kapacitor.tasks.values()]).toEqual([was]);
  });

  test('of a template is created again from it', async () => {
    const kapacitor = kapacitorWith({
      task: { ...fromTemplate, script: plain, dbrps, vars },
      template: plain,
    });
    const was = kapacitor.tasks.get('t');
    await expect(apply(kapacitor, { script: `${plain}@away()` })).rejects.toThrow('is again as it was');
    expect([...kapacitor.tasks.values()]).toEqual([was]);
  });

  test('is told to be gone when Kapacitor goes away in between', async () => {
    const kapacitor = kapacitorWith({ task: { script: plain, dbrps }, template: plain });
    kapacitor.answers = 3;
    await expect(apply(kapacitor, fromTemplate)).rejects.toMatchObject({
      code: 'connection',
      message:
        'no answer from Kapacitor; the task as it was cannot be created again: no answer from Kapacitor',
    });
  });

  test('is not touched, and nothing tried, in a dry run', async () => {
    const kapacitor = kapacitorWith({ task: { script: plain, dbrps }, template: plain });
    expect(await apply(kapacitor, fromTemplate, true)).toMatchObject({ done: 'changed' });
    expect(kapacitor.asked).toEqual([]);
  });
});

test('a task whose script alone is another is changed in place, and started anew', async () => {
  const kapacitor = kapacitorWith({ task: { script: plain, dbrps, vars } });
  expect(await apply(kapacitor, { script: `${plain}|log()` })).toMatchObject({ done: 'changed' });
  expect(kapacitor.asked).toEqual(['update t', 'disable t', 'enable t']);
  expect(kapacitor.tasks.get('t')).toMatchObject({ script: `${plain}|log()`, dbrps, vars });
});
