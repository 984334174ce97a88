import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { run } from '../support/run-program.js';
import { tempDir } from '../support/temp-dir.js';

/** A server whose every answer would set the title of a terminal and clear it. */
async function hostileServer(): Promise<string> {
  const server = createServer((request, response) => {
    request.resume();
    response
      .writeHead(400, { 'content-type': 'application/json' })
      .end(JSON.stringify({ error: 'no\u001b]0;owned\u0007\u001b[2J\u009b1m\u202e' }));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test.each([
  ['feed', (url: string, file: string) => ['feed', file, '--url', `${url}?db=d`]],
  ['feed --kapacitor', (url: string, file: string) => ['feed', file, '--kapacitor', `${url}?db=d`]],
  ['tasks status', (url: string) => ['tasks', 'status', '--url', url]],
  [
    'tasks apply',
    (url: string, _file: string, directory: string) => ['tasks', 'apply', directory, '--url', url],
  ],
  ['doctor', (url: string) => ['doctor', '--kapacitor', url]],
  [
    'record',
    (url: string, _file: string, directory: string) => [
      ...['record', '--from-influx', 'SELECT * FROM m', '--url', `${url}?db=d`],
      ...['--out', join(directory, 'm.lp')],
    ],
  ],
])('%s shows control characters of a server as their codes', async (_name, arguments_) => {
  const url = await hostileServer();
  const directory = tempDir();
  const file = join(directory, 'data.lp');
  writeFileSync(file, 'm v=1 1\n');
  mkdirSync(join(directory, 'tasks'));
  writeFileSync(join(directory, 'tasks', 'a.tick'), 'dbrp "d"."r"\nstream|from().measurement(\'m\')');
  const { stdout, stderr } = await run(...arguments_(url, file, directory));
  expect(stdout + stderr).toContain('\\u001b]0;owned\\u0007');
  expect(stdout + stderr).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/);
});
