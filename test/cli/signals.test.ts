import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { run } from '../support/run-program.js';
import { tempDir } from '../support/temp-dir.js';
import { FakeKapacitor } from '../tasks/watch/support/fake-kapacitor.js';

const stopped = [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const;

/** Delivers a signal once to the command that runs in this process, and to nothing else of it. */
function signalSender(signal: NodeJS.Signals): () => void {
  const others = new Set(process.listeners(signal));
  let isSent = false;
  return () => {
    if (isSent) return;
    isSent = true;
    for (const listener of process.listeners(signal)) if (!others.has(listener)) listener(signal);
  };
}

describe('a command that a signal stops before it is done exits with the code of that signal:', () => {
  test.each(stopped)('test, by %s', async (signal, code) => {
    const send = signalSender(signal);
    const server = createServer((request, response) => {
      const isPing = request.url?.endsWith('/ping') === true;
      if (!isPing) send(); // the case is being defined
      response.writeHead(isPing ? 204 : 404, { 'X-Kapacitor-Version': '1.8.3' }).end();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    onTestFinished(() => void server.close());
    const directory = tempDir();
    const file = join(directory, 'cases.yaml');
    writeFileSync(join(directory, 'it.tick'), 'stream|from()|log()');
    writeFileSync(
      file,
      'tests:\n  - { name: one, task_name: it, db: a, rp: b, data: m v=1, expects: { counts: { log: 2 } } }\n',
    );
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const result = await run('test', file, '--dir', directory, '--kapacitor', url);
    expect(result).toMatchObject({ code, stdout: expect.stringContaining('it was interrupted') as string });
  });

  test.each(stopped)('tasks watch --once, by %s', async (signal, code) => {
    const kapacitor = await FakeKapacitor.start();
    kapacitor.addDead('adsl', { script: 'stream|from()@mirror()' });
    const send = signalSender(signal);
    let requests = 0;
    kapacitor.onRequest = () => {
      requests++;
      send();
    };
    const args = ['mirror', '--once', '--url', kapacitor.url, '--socket-dir', tempDir()];
    expect(await run('tasks', 'watch', ...args)).toMatchObject({ code });
    expect(requests).toBe(1);
  });
});

test('tasks watch --once that a signal comes to in its last round exits with 0 if all tasks run', async () => {
  const kapacitor = await FakeKapacitor.start();
  kapacitor.add('adsl', { script: 'stream|from()@mirror()' });
  const send = signalSender('SIGTERM');
  kapacitor.onRequest = send;
  const args = ['mirror', '--once', '--url', kapacitor.url, '--socket-dir', tempDir()];
  expect(await run('tasks', 'watch', ...args)).toMatchObject({ code: 0 });
});
