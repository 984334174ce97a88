import type {
  Handler,
  ReplaySettings,
  Series,
  Task,
  TaskSettings,
  Template,
  TopicEvent,
  TaskVars,
  Work,
} from './kapacitor-types.js';

const pageSize = 100;
const timeoutMs = 10_000;

type Method = 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';

/** Kapacitor answered, and refused. Its message is Kapacitor's own. */
export class KapacitorRefusal extends Error {
  readonly status: number;

  constructor(status: number, request: string, reason: string) {
    super(`Kapacitor refused ${request}: ${reason} (HTTP ${status})`);
    this.status = status;
  }
}

/**
 * Kapacitor's HTTP API, version 1. Every call rejects with a `KapacitorRefusal` when Kapacitor refuses, and with an
 * error that names the URL when it cannot be reached or does not answer within ten seconds.
 */
export class KapacitorApi {
  readonly url: string;

  constructor(url: string) {
    this.url = url.replace(/\/+$/, '');
  }

  /** Kapacitor's version, which is empty in some builds; then `unknown`. */
  async ping(): Promise<string> {
    const { headers } = await this.#send('GET', '/ping');
    const version = headers.get('x-kapacitor-version') ?? '';
    return version === '' ? 'unknown' : version;
  }

  // ---- tasks ----

  createTask(id: string, settings: TaskSettings): Promise<Task> {
    return this.#json('POST', '/tasks', { id, ...settings });
  }

  /**
   * Changes what is given and leaves the rest. A task that is running goes on as it was until it is disabled and
   * enabled again.
   */
  updateTask(id: string, settings: TaskSettings): Promise<Task> {
    return this.#json('PATCH', path('tasks', id), settings);
  }

  /** `undefined` if there is no such task. The script comes as it was defined. */
  task(id: string): Promise<Task | undefined> {
    return ifThere(this.#json<Task>('GET', `${path('tasks', id)}?script-format=raw`));
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
    await this.#send('DELETE', path('tasks', id));
  }

  /** What an `httpOut` node of a running task holds. */
  async output(task: string, endpoint: string): Promise<readonly Series[]> {
    const { series } = await this.#json<{ series?: readonly Series[] | null }>(
      'GET',
      path('tasks', task, endpoint),
    );
    return series ?? [];
  }

  // ---- templates ----

  createTemplate(id: string, settings: Pick<TaskSettings, 'script' | 'type'>): Promise<Template> {
    return this.#json('POST', '/templates', { id, ...settings });
  }

  /** Changes it, and with it all tasks that are made from it. */
  updateTemplate(id: string, settings: Pick<TaskSettings, 'script' | 'type'>): Promise<Template> {
    return this.#json('PATCH', path('templates', id), settings);
  }

  template(id: string): Promise<Template | undefined> {
    return ifThere(this.#json<Template>('GET', `${path('templates', id)}?script-format=raw`));
  }

  async deleteTemplate(id: string): Promise<void> {
    await this.#send('DELETE', path('templates', id));
  }

  // ---- data ----

  /** Hands points to the running tasks, without any InfluxDB: line protocol with times in nanoseconds. */
  async write(db: string, rp: string, lines: string): Promise<void> {
    await this.#send('POST', `/write?${new URLSearchParams({ db, rp }).toString()}`, lines);
  }

  /** Starts to record the result of a query, for a task of that type. */
  recordQuery(type: Task['type'], query: string): Promise<Work> {
    return this.#json('POST', '/recordings/query', { type, query });
  }

  /** Starts to record the queries of a batch task between two times in RFC 3339. */
  recordBatch(task: string, start: string, stop: string): Promise<Work> {
    return this.#json('POST', '/recordings/batch', { task, start, stop });
  }

  recording(id: string): Promise<Work> {
    return this.#json('GET', path('recordings', id));
  }

  async deleteRecording(id: string): Promise<void> {
    await this.#send('DELETE', path('recordings', id));
  }

  /** Starts to replay a recording to a task. A task that fails meanwhile fails the replay. */
  replay(settings: ReplaySettings): Promise<Work> {
    return this.#json('POST', '/replays', settings);
  }

  replayState(id: string): Promise<Work> {
    return this.#json('GET', path('replays', id));
  }

  async deleteReplay(id: string): Promise<void> {
    await this.#send('DELETE', path('replays', id));
  }

  // ---- alerts ----

  /** What is known of everything that alerts on a topic watch; empty if there is no such topic. */
  async topicEvents(topic: string): Promise<readonly TopicEvent[]> {
    const found = await ifThere(
      this.#json<{ events?: readonly TopicEvent[] | null }>('GET', path('alerts', 'topics', topic, 'events')),
    );
    return found?.events ?? [];
  }

  createHandler(topic: string, handler: Handler): Promise<Handler> {
    return this.#json('POST', path('alerts', 'topics', topic, 'handlers'), handler);
  }

  async deleteHandler(topic: string, id: string): Promise<void> {
    await this.#send('DELETE', path('alerts', 'topics', topic, 'handlers', id));
  }

  // ---- configuration ----

  /** A section of the configuration as it is in force, overrides included: `influxdb`, `smtp`, … */
  config(section: string): Promise<unknown> {
    return this.#json('GET', path('config', section));
  }

  // ---- how it talks ----

  async #list<Item>(kind: string, query: Readonly<Record<string, string>>): Promise<Item[]> {
    const all: Item[] = [];
    for (;;) {
      const page = new URLSearchParams({ ...query, offset: String(all.length), limit: String(pageSize) });
      const answer = await this.#json<Readonly<Record<string, readonly Item[]>>>(
        'GET',
        `/${kind}?${page.toString()}`,
      );
      const items = answer[kind] ?? [];
      all.push(...items);
      if (items.length < pageSize) return all;
    }
  }

  async #json<Answer>(method: Method, where: string, body?: object): Promise<Answer> {
    const response = await this.#send(method, where, body && JSON.stringify(body));
    // The shape is the API's promise.
    return (await response.json()) as Answer;
  }

  async #send(method: Method, where: string, body?: string): Promise<Response> {
    const request = `${method} ${where}`;
    let response: Response;
    try {
      response = await fetch(`${this.url}/kapacitor/v1${where}`, {
        method,
        ...(body !== undefined && { body }),
        signal: AbortSignal.timeout(timeoutMs),
      });
    } catch (cause) {
      throw new Error(`no answer from Kapacitor at ${this.url} to ${request}`, { cause });
    }
    if (response.ok) return response;
    throw new KapacitorRefusal(response.status, request, reasonOf(await response.text()));
  }
}

/** The variables of one kind of value: `vars.string('SHOWTIME')`. */
export const taskVar = {
  string: (value: string): TaskVars[string] => ({ type: 'string', value }),
  int: (value: number): TaskVars[string] => ({ type: 'int', value }),
  float: (value: number): TaskVars[string] => ({ type: 'float', value }),
  bool: (value: boolean): TaskVars[string] => ({ type: 'bool', value }),
  duration: (value: string): TaskVars[string] => ({ type: 'duration', value }),
  lambda: (value: string): TaskVars[string] => ({ type: 'lambda', value }),
};

function path(...parts: readonly string[]): string {
  return parts.map((part) => `/${encodeURIComponent(part)}`).join('');
}

function reasonOf(body: string): string {
  try {
    const { error } = JSON.parse(body) as { readonly error?: unknown };
    if (typeof error === 'string') return error;
  } catch {
    // Not every answer is JSON; then it is the reason as it stands.
  }
  return body.trim();
}

async function ifThere<Found>(request: Promise<Found>): Promise<Found | undefined> {
  try {
    return await request;
  } catch (reason) {
    if (reason instanceof KapacitorRefusal && reason.status === 404) return undefined;
    throw reason;
  }
}
