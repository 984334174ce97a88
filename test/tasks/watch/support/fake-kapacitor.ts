import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import type { Connection, TaskConnections } from '../../../../src/kapacitor/connections.js';

/** A task, and what is true of it behind Kapacitor's API. */
export interface FakeTask {
  readonly id: string;
  script: string;
  status: 'enabled' | 'disabled';
  executing: boolean;
  error: string;
  modified: string;
  /** Of its UDF's connection. `dialing`: the socket has not answered since it was enabled. */
  connection: 'open' | 'lost' | 'dialing';
  /** Messages that its UDF node has taken. */
  collected: number;
  /** The error that it stops with as soon as it is enabled. */
  failsWith: string;
  /** Answers that do not show yet the error of a UDF that was stopped. */
  errorLate: number;
}

/** The part of Kapacitor's HTTP API that watching uses, with the daemon's rules of 1.5.7 to 1.8.3. */
export class FakeKapacitor {
  readonly tasks = new Map<string, FakeTask>();
  /** Changes that were requested: `disable adsl`. */
  readonly changes: string[] = [];
  /** What would have crashed the daemon. */
  readonly crashes: string[] = [];
  /** Answers every request with this status, if set. */
  answersOnly: number | undefined;
  /** Called before a request is handled. */
  onRequest: ((method: string, path: string) => void) | undefined;
  url = '';
  #clock = 0;

  static async start(): Promise<FakeKapacitor> {
    const kapacitor = new FakeKapacitor();
    const server = createServer((request, response) => {
      void kapacitor.#answer(request).then(([status, body]) => {
        response.writeHead(status).end(JSON.stringify(body));
      });
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    kapacitor.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    return kapacitor;
  }

  add(id: string, more: Partial<FakeTask> = {}): FakeTask {
    const task: FakeTask = {
      id,
      script: 'stream|from()@mine()',
      status: 'enabled',
      executing: true,
      error: '',
      modified: this.#time(),
      connection: 'open',
      collected: 1,
      failsWith: '',
      errorLate: 0,
      ...more,
    };
    this.tasks.set(id, task);
    return task;
  }

  /** A task that stopped when its connection was lost. */
  addDead(id: string, more: Partial<FakeTask> = {}): FakeTask {
    const error =
      'mine2: stopping UDF server: write error: write unix @->/run/.mine.sock.0a1b2c3: write: broken pipe';
    return this.add(id, { executing: false, connection: 'lost', error, ...more });
  }

  /** As a person does with Kapacitor's own command. */
  change(id: string, more: Partial<FakeTask>): void {
    Object.assign(this.tasks.get(id)!, more, { modified: this.#time() });
  }

  /** The connections as a host would know them. */
  get connections(): TaskConnections {
    return () => (task) => ({ state: this.#connectionOf(task.id), reason: 'its connection is gone' });
  }

  #connectionOf(id: string): Connection['state'] {
    const { executing = false, connection } = this.tasks.get(id) ?? {};
    if (!executing) return 'none';
    return connection === 'open' ? 'connected' : 'lost';
  }

  async #answer(request: IncomingMessage): Promise<[number, object]> {
    const { method = '', url = '' } = request;
    const { pathname: path, searchParams } = new URL(url, this.url);
    this.onRequest?.(method, path);
    if (this.answersOnly !== undefined) return [this.answersOnly, { error: 'it is starting' }];
    if (path === '/kapacitor/v1/tasks') {
      const tasks = Number(searchParams.get('offset')) > 0 ? [] : [...this.tasks.values()];
      const fields = searchParams.getAll('fields');
      return [200, { tasks: tasks.map((task) => pick(shown(task), ['id', ...fields])) }];
    }
    const id = decodeURIComponent(path.slice('/kapacitor/v1/tasks/'.length));
    const task = this.tasks.get(id);
    if (!task) return [404, { error: 'no task exists' }];
    if (method === 'PATCH')
      this.#setStatus(task, JSON.parse(await text(request)) as Pick<FakeTask, 'status'>);
    else if (task.errorLate > 0 && --task.errorLate === 0)
      task.error = 'mine2: stopping UDF server: node aborted';
    return [200, shown(task)];
  }

  #setStatus(task: FakeTask, { status }: Pick<FakeTask, 'status'>): void {
    this.changes.push(`${status === 'enabled' ? 'enable' : 'disable'} ${task.id}`);
    const isChanged = task.status !== status;
    task.status = status;
    task.modified = this.#time();
    if (!isChanged) return; // to enable what is enabled does not start it
    if (status === 'disabled') {
      if (task.executing && task.connection === 'dialing') this.crashes.push(`nil pointer: ${task.id}`);
      if (task.executing && task.connection === 'open')
        this.crashes.push(`send on closed channel: ${task.id}`);
      if (task.executing) task.errorLate = 2;
      task.executing = false;
      return;
    }
    if (task.errorLate > 0) this.crashes.push(`stored as disabled: ${task.id}`);
    task.error = task.failsWith;
    task.executing = task.failsWith === '';
    task.connection = 'open';
    task.collected = 0;
  }

  #time(): string {
    return new Date(Date.UTC(2026, 0, 1) + ++this.#clock).toISOString();
  }
}

function shown(task: FakeTask): Record<string, unknown> {
  const { id, script, status, executing, error, modified, collected } = task;
  const stats = executing
    ? { 'task-stats': {}, 'node-stats': { stream0: { collected: 9 }, mine2: { collected } } }
    : null;
  return { id, script, status, executing, error, modified, 'last-enabled': '2026-01-01T00:00:00Z', stats };
}

function pick(record: Record<string, unknown>, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, record[name]]));
}
