import { onTestFinished } from 'vitest';
import type { KapacitorApi } from '../../../src/kapacitor/api.js';
import type { OutputSeries, Task, TaskSettings } from '../../../src/kapacitor/types.js';

/** The database and retention policy that tests write to: what Telegraf writes to unless it is told otherwise. */
export const database = 'telegraf';
export const retentionPolicy = 'autogen';

/** In a TICKscript: shows the points that come here over HTTP, all of each group, in their order. */
export const show = (endpoint: string): string =>
  `|window().periodCount(100).everyCount(1)|httpOut('${endpoint}')`;

let defined = 0;

/** A task of one test. */
export class TestTask {
  readonly id: string;
  readonly #api: KapacitorApi;

  constructor(api: KapacitorApi, id: string) {
    this.#api = api;
    this.id = id;
  }

  /** Hands points to Kapacitor: line protocol with times in nanoseconds. */
  write(lines: readonly string[]): Promise<void> {
    return this.#api.write(database, retentionPolicy, lines.join('\n'));
  }

  async state(): Promise<Task> {
    const task = await this.#api.task(this.id);
    if (!task) throw new Error(`the task ${this.id} is gone`);
    return task;
  }

  /** The rows that an `httpOut` node holds, of all groups: columns and tags by name. */
  async rows(endpoint: string): Promise<Record<string, unknown>[]> {
    return (await this.#api.output(this.id, endpoint)).flatMap(rowsOf);
  }

  /** The same, but only the values of some columns or tags. */
  async columns(endpoint: string, ...names: readonly string[]): Promise<unknown[][]> {
    return (await this.rows(endpoint)).map((row) => names.map((name) => row[name]));
  }

  async restart(): Promise<void> {
    await this.#api.disableTask(this.id);
    await this.#api.enableTask(this.id);
  }
}

/** Defines and enables a task. */
export async function newTask(api: KapacitorApi, settings: TaskSettings, name = 'task'): Promise<TestTask> {
  const id = `${name}-${++defined}`;
  await api.createTask(id, {
    dbrps: [{ db: database, rp: retentionPolicy }],
    status: 'enabled',
    ...settings,
  });
  return new TestTask(api, id);
}

/**
 * Defines and enables a task that is deleted when the test ends. The test must have seen all that it caused: Kapacitor
 * may crash when a task is deleted whose UDF is about to send something.
 */
export async function startTask(api: KapacitorApi, settings: TaskSettings, name = 'task'): Promise<TestTask> {
  const task = await newTask(api, settings, name);
  onTestFinished(() => api.deleteTask(task.id));
  return task;
}

function rowsOf({ columns = [], values, tags }: OutputSeries): Record<string, unknown>[] {
  return (values ?? []).map((row) => ({
    ...Object.fromEntries(columns.map((column, index) => [column, row[index]])),
    ...tags,
  }));
}
