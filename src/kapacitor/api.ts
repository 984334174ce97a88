import { KapacitorHttp, pathOf } from './http.js';
import type { KapacitorTarget } from './target.js';
import type {
  Handler,
  ReplaySettings,
  Series,
  Task,
  TaskSettings,
  Template,
  TopicEvent,
  Work,
} from './types.js';

const pageSize = 100;

/**
 * Kapacitor's HTTP API. Every call rejects as `KapacitorHttp` does: with Kapacitor's own reason when it refuses, and with
 * the URL when it does not answer.
 */
export class KapacitorApi {
  readonly #http: KapacitorHttp;

  constructor(target: KapacitorTarget | string) {
    this.#http = new KapacitorHttp(typeof target === 'string' ? { url: target } : target);
  }

  get url(): string {
    return this.#http.url;
  }

  /** Kapacitor's version, which is empty in some builds; then `unknown`. */
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
   * Changes what is given and leaves the rest. A task that is running goes on as it was until it is disabled and
   * enabled again.
   */
  updateTask(id: string, settings: TaskSettings): Promise<Task> {
    return this.#http.json('PATCH', pathOf('tasks', id), settings);
  }

  /** `undefined` if there is no such task. The script comes as it was defined. */
  task(id: string): Promise<Task | undefined> {
    return this.#http.jsonIfThere(`${pathOf('tasks', id)}?script-format=raw`);
  }

  /** All tasks whose id fits the pattern (`*` and `?` as in a shell). */
  tasks(pattern = '*'): Promise<Task[]> {
    return this.#list<Task>('tasks', { pattern, 'script-format': 'raw' });
  }

  enableTask(id: string): Promise<Task> {
    return this.updateTask(id, { status: 'enabled' });
  }

  /** Stops it. Kapacitor drops what is on its way to or from a UDF at that moment. */
  disableTask(id: string): Promise<Task> {
    return this.updateTask(id, { status: 'disabled' });
  }

  /** Stops and removes it, with its snapshot. Well if there is none. */
  async deleteTask(id: string): Promise<void> {
    await this.#http.send('DELETE', pathOf('tasks', id));
  }

  /** What an `httpOut` node of a running task holds. */
  async output(task: string, endpoint: string): Promise<readonly Series[]> {
    const { series } = await this.#http.json<{ series?: readonly Series[] | null }>(
      'GET',
      pathOf('tasks', task, endpoint),
    );
    return series ?? [];
  }

  // ---- templates ----

  createTemplate(id: string, settings: Pick<TaskSettings, 'script' | 'type'>): Promise<Template> {
    return this.#http.json('POST', '/templates', { id, ...settings });
  }

  /** Changes it, and with it all tasks that are made from it. */
  updateTemplate(id: string, settings: Pick<TaskSettings, 'script' | 'type'>): Promise<Template> {
    return this.#http.json('PATCH', pathOf('templates', id), settings);
  }

  template(id: string): Promise<Template | undefined> {
    return this.#http.jsonIfThere(`${pathOf('templates', id)}?script-format=raw`);
  }

  async deleteTemplate(id: string): Promise<void> {
    await this.#http.send('DELETE', pathOf('templates', id));
  }

  templates(pattern = '*'): Promise<Template[]> {
    return this.#list<Template>('templates', { pattern, 'script-format': 'raw' });
  }

  // ---- data ----

  /** Hands points to the running tasks, without any InfluxDB: line protocol with times in nanoseconds. */
  async write(db: string, rp: string, lines: string): Promise<void> {
    await this.#http.send('POST', `/write?${new URLSearchParams({ db, rp }).toString()}`, lines);
  }

  /** Starts to record the result of a query, for a task of that type. */
  recordQuery(type: Task['type'], query: string): Promise<Work> {
    return this.#http.json('POST', '/recordings/query', { type, query });
  }

  /** Starts to record the queries of a batch task between two times in RFC 3339. */
  recordBatch(task: string, start: string, stop: string): Promise<Work> {
    return this.#http.json('POST', '/recordings/batch', { task, start, stop });
  }

  recording(id: string): Promise<Work> {
    return this.#http.json('GET', pathOf('recordings', id));
  }

  async deleteRecording(id: string): Promise<void> {
    await this.#http.send('DELETE', pathOf('recordings', id));
  }

  /** Starts to replay a recording to a task. A task that fails meanwhile fails the replay. */
  replay(settings: ReplaySettings): Promise<Work> {
    return this.#http.json('POST', '/replays', settings);
  }

  replayState(id: string): Promise<Work> {
    return this.#http.json('GET', pathOf('replays', id));
  }

  async deleteReplay(id: string): Promise<void> {
    await this.#http.send('DELETE', pathOf('replays', id));
  }

  // ---- alerts ----

  /** The state of each thing that alerts on a topic watch. Kapacitor knows a topic once something has come into it. */
  async topicEvents(topic: string): Promise<readonly TopicEvent[]> {
    const { events } = await this.#http.json<{ events?: readonly TopicEvent[] | null }>(
      'GET',
      pathOf('alerts', 'topics', topic, 'events'),
    );
    return events ?? [];
  }

  /** Forgets a topic and the states in it. Well if there is none. */
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

  /** A section of the configuration as it is in force, overrides included: `influxdb`, `smtp`, … */
  config(section: string): Promise<unknown> {
    return this.#http.json('GET', pathOf('config', section));
  }

  async #list<Item>(kind: string, query: Readonly<Record<string, string>>): Promise<Item[]> {
    const all: Item[] = [];
    for (;;) {
      const page = new URLSearchParams({ ...query, offset: String(all.length), limit: String(pageSize) });
      const answer = await this.#http.json<Readonly<Record<string, readonly Item[]>>>(
        'GET',
        `/${kind}?${page.toString()}`,
      );
      const items = answer[kind] ?? [];
      all.push(...items);
      if (items.length < pageSize) return all;
    }
  }
}
