import { randomUUID } from 'node:crypto';
import { KapacitorHttp, KapacitorRefusal, pathOf } from './http.js';
import type { KapacitorTarget } from './target.js';
import type {
  Handler,
  ReplaySettings,
  OutputSeries,
  Task,
  TaskSettings,
  Template,
  TopicEvent,
  JobStatus,
} from './types.js';

const pageSize = 100;

/**
 * Kapacitor's HTTP API.
 *
 * Every method rejects as `KapacitorHttp` does: `refused` with Kapacitor's own reason, or `connection` with the URL.
 */
export class KapacitorApi {
  readonly #http: KapacitorHttp;

  /** Each request may take `requestTimeoutMs`, ten seconds by default. */
  constructor(target: KapacitorTarget | string, requestTimeoutMs?: number) {
    this.#http = new KapacitorHttp(typeof target === 'string' ? { url: target } : target, requestTimeoutMs);
  }

  get url(): string {
    return this.#http.url;
  }

  /** Kapacitor's version; `unknown` for builds that do not name theirs. */
  async ping(): Promise<string> {
    const { headers } = await this.#http.send('GET', '/ping');
    const version = headers.get('x-kapacitor-version') ?? '';
    return version === '' ? 'unknown' : version;
  }

  // ---- tasks ----

  createTask(id: string, settings: TaskSettings): Promise<Task> {
    return this.#http.json('POST', '/tasks', { id, ...settings });
  }

  /**
   * Changes the given settings only. A running task keeps its old script and variables until it is disabled and enabled
   * again.
   */
  updateTask(id: string, settings: TaskSettings): Promise<Task> {
    return this.#http.json('PATCH', pathOf('tasks', id), settings);
  }

  /** `undefined` if there is no such task. The script is as it was defined, not reformatted. */
  task(id: string): Promise<Task | undefined> {
    return this.#http.jsonOrUndefined(`${pathOf('tasks', id)}?script-format=raw`);
  }

  /**
   * All tasks whose id matches the pattern (`*` and `?` as in a shell). Lists of Kapacitor 1.5 and 1.6 have no `template-id`;
   * later ones have it only for tasks from a template.
   */
  tasks(pattern = '*'): Promise<Task[]> {
    return this.#list<Task>('tasks', { pattern, 'script-format': 'raw' });
  }

  /** All tasks with these fields only: without `dot`, which is expensive for Kapacitor. */
  taskFields<Field extends keyof Task>(fields: readonly Field[]): Promise<Pick<Task, Field | 'id'>[]> {
    return this.#list('tasks', { 'script-format': 'raw' }, fields);
  }

  enableTask(id: string): Promise<Task> {
    return this.updateTask(id, { status: 'enabled' });
  }

  /**
   * Stops a task and drops all data in transit to or from its UDFs. Kapacitor 1.5.7 to 1.8.3 may crash (`send on closed channel`)
   * if points flow through a UDF at that moment.
   */
  disableTask(id: string): Promise<Task> {
    return this.updateTask(id, { status: 'disabled' });
  }

  /** Stops and removes a task and its snapshot. No-op if absent. */
  async deleteTask(id: string): Promise<void> {
    await this.#http.send('DELETE', pathOf('tasks', id));
  }

  /**
   * Why Kapacitor refuses a script, in its own words; `undefined` if it takes it. Defines no task: one that would be defined
   * is disabled, and deleted at once.
   */
  async scriptProblem(type: Task['type'], script: string): Promise<string | undefined> {
    const id = `kapacitor-udf-check-${randomUUID()}`;
    try {
      await this.createTask(id, { type, script, dbrps: [{ db: 'none', rp: 'none' }], status: 'disabled' });
    } catch (reason) {
      if (reason instanceof KapacitorRefusal && reason.status === 400) return reason.reason;
      throw reason;
    }
    await this.deleteTask(id);
    return undefined;
  }

  /** The content of an `httpOut` node of a running task. Rejects (HTTP 500) if a field is NaN or infinite. */
  async output(task: string, endpoint: string): Promise<readonly OutputSeries[]> {
    const { series } = await this.#http.json<{ series?: readonly OutputSeries[] | null }>(
      'GET',
      pathOf('tasks', task, endpoint),
    );
    return series ?? [];
  }

  // ---- templates ----

  createTemplate(id: string, settings: Pick<TaskSettings, 'script' | 'type'>): Promise<Template> {
    return this.#http.json('POST', '/templates', { id, ...settings });
  }

  /** Changes a template and restarts all tasks that are made from it. */
  updateTemplate(id: string, settings: Pick<TaskSettings, 'script' | 'type'>): Promise<Template> {
    return this.#http.json('PATCH', pathOf('templates', id), settings);
  }

  template(id: string): Promise<Template | undefined> {
    return this.#http.jsonOrUndefined(`${pathOf('templates', id)}?script-format=raw`);
  }

  async deleteTemplate(id: string): Promise<void> {
    await this.#http.send('DELETE', pathOf('templates', id));
  }

  templates(pattern = '*'): Promise<Template[]> {
    return this.#list<Template>('templates', { pattern, 'script-format': 'raw' });
  }

  // ---- data ----

  /** Writes points to the running tasks, not to InfluxDB: line protocol, times in nanoseconds. */
  async write(db: string, rp: string, lines: string): Promise<void> {
    await this.#http.send('POST', `/write?${new URLSearchParams({ db, rp }).toString()}`, lines);
  }

  /** Starts to record the result of a query, for a task of that type. */
  recordQuery(type: Task['type'], query: string): Promise<JobStatus> {
    return this.#http.json('POST', '/recordings/query', { type, query });
  }

  /** Starts to record the queries of a batch task between two times in RFC 3339. */
  recordBatch(task: string, start: string, stop: string): Promise<JobStatus> {
    return this.#http.json('POST', '/recordings/batch', { task, start, stop });
  }

  recording(id: string): Promise<JobStatus> {
    return this.#http.json('GET', pathOf('recordings', id));
  }

  async deleteRecording(id: string): Promise<void> {
    await this.#http.send('DELETE', pathOf('recordings', id));
  }

  /** Starts to replay a recording to a task. The replay fails if the task does. */
  replay(settings: ReplaySettings): Promise<JobStatus> {
    return this.#http.json('POST', '/replays', settings);
  }

  replayStatus(id: string): Promise<JobStatus> {
    return this.#http.json('GET', pathOf('replays', id));
  }

  async deleteReplay(id: string): Promise<void> {
    await this.#http.send('DELETE', pathOf('replays', id));
  }

  // ---- alerts ----

  /** The last event of each id in a topic. Rejects until the topic has had an event. */
  async topicEvents(topic: string): Promise<readonly TopicEvent[]> {
    const { events } = await this.#http.json<{ events?: readonly TopicEvent[] | null }>(
      'GET',
      pathOf('alerts', 'topics', topic, 'events'),
    );
    return events ?? [];
  }

  /** Deletes a topic and its events. No-op if absent. */
  async deleteTopic(topic: string): Promise<void> {
    await this.#http.send('DELETE', pathOf('alerts', 'topics', topic));
  }

  createHandler(topic: string, handler: Handler): Promise<Handler> {
    return this.#http.json('POST', pathOf('alerts', 'topics', topic, 'handlers'), handler);
  }

  async deleteHandler(topic: string, id: string): Promise<void> {
    await this.#http.send('DELETE', pathOf('alerts', 'topics', topic, 'handlers', id));
  }

  // ---- configuration ----

  /** A section of the configuration in force, overrides included: `influxdb`, `smtp`, … */
  config(section: string): Promise<unknown> {
    return this.#http.json('GET', pathOf('config', section));
  }

  async #list<Item>(
    kind: string,
    query: Readonly<Record<string, string>>,
    fields: readonly string[] = [],
  ): Promise<Item[]> {
    const all: Item[] = [];
    for (;;) {
      const page = new URLSearchParams({ ...query, offset: String(all.length), limit: String(pageSize) });
      for (const field of fields) page.append('fields', field);
      const response = await this.#http.json<Readonly<Record<string, readonly Item[]>>>(
        'GET',
        `/${kind}?${page.toString()}`,
      );
      const items = response[kind] ?? [];
      all.push(...items);
      if (items.length < pageSize) return all;
    }
  }
}
