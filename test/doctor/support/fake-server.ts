import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import { readTickscript } from '../../../src/kapacitor/tickscript.js';
import type { Task } from '../../../src/kapacitor/types.js';
import type { InfoMessage } from '../../../src/wire/messages.js';

/** A Kapacitor with the information on UDFs that it cached when it started. */
export interface FakeServer {
  readonly url: string;
  version: string;
  readonly infos: Map<string, InfoMessage>;
  readonly tasks: Task[];
  /** Scripts that it was asked to define. */
  readonly scripts: string[];
  /** Answers requests to define a task with this status, if set. */
  refusesWith: number | undefined;
  /** Requests that are never answered, or whose answer stops after its first byte. */
  hangs: { readonly method: string; readonly path: string; readonly inBody?: boolean } | undefined;
}

/** Plays the parts of Kapacitor's API that a diagnosis uses, with the messages of 1.8.3. */
export async function fakeServer(): Promise<FakeServer> {
  const fake = {
    url: '',
    version: '1.8.3',
    infos: new Map<string, InfoMessage>(),
    tasks: [] as Task[],
    scripts: [] as string[],
    refusesWith: undefined as number | undefined,
    hangs: undefined as FakeServer['hangs'],
  };
  const server = createServer((request, response) => {
    const { hangs } = fake;
    if (hangs && request.method === hangs.method && request.url?.startsWith(`/kapacitor/v1${hangs.path}`)) {
      if (hangs.inBody) response.writeHead(200, { 'X-Kapacitor-Version': fake.version }).write('{');
      return;
    }
    void answer(fake, request).then(([status, body]) => {
      response.writeHead(status, { 'X-Kapacitor-Version': fake.version }).end(JSON.stringify(body));
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  fake.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return fake;
}

async function answer(fake: FakeServer, request: IncomingMessage): Promise<[number, object]> {
  const path = (request.url ?? '').replace(/\?.*/, '');
  if (path === '/kapacitor/v1/ping') return [200, {}];
  if (path !== '/kapacitor/v1/tasks') return [404, { error: 'not found' }];
  if (request.method === 'GET') return [200, { tasks: fake.tasks }];
  const { script } = JSON.parse(await text(request)) as { script: string };
  fake.scripts.push(script);
  if (fake.refusesWith !== undefined) return [fake.refusesWith, { error: 'not authorized' }];
  return [400, { error: `invalid TICKscript: line 1 char 9: ${scriptError(fake, script)}` }];
}

function scriptError({ infos }: FakeServer, script: string): string {
  const [, udf, window] = readTickscript(script).nodes;
  const info = infos.get(udf!.name);
  if (!info) return `no method or property "${udf!.name}" on *pipeline.FromNode`;
  for (const { name, args } of udf!.properties) {
    const types = info.options[name];
    if (!types) return `no method or property "${name}" on *pipeline.UDFNode`;
    const given = args.filter((token) => token.text !== ',').length;
    if (given !== types.length) {
      return `unexpected number of args to ${name}, got ${given} expected ${types.length}`;
    }
  }
  if (info.provides === 'batch') {
    return `error calling func "window" on obj *pipeline.UDFNode: cannot Window batch edge`;
  }
  return `no method or property "${window!.properties[0]!.name}" on *pipeline.WindowNode`;
}
