import { createConnection, createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { socketTransport } from '../../src/transport/socket-transport.js';
import { tempDir } from '../support/temp-dir.js';

async function connected() {
  const path = join(tempDir(), 'a.sock');
  const server = createServer({ allowHalfOpen: true });
  await once(server.listen(path), 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const client = createConnection({ path, allowHalfOpen: true });
  const [socket] = await accepted;
  onTestFinished(() => {
    client.destroy();
    socket.destroy();
    server.close();
  });
  return { client, transport: socketTransport(socket, 'unix:a.sock#1') };
}

test('a socket can be written to after the other side has half-closed', async () => {
  const { client, transport } = await connected();
  client.end();
  await once(transport.input.resume(), 'end');
  transport.output.end('the last points');
  expect(await text(client)).toBe('the last points');
  expect(transport.description).toBe('unix:a.sock#1');
});

test('a destroyed socket is closed at once', async () => {
  const { client, transport } = await connected();
  transport.destroy();
  transport.destroy();
  expect(await text(client)).toBe('');
});
