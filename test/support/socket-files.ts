import { once } from 'node:events';
import { linkSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { onTestFinished } from 'vitest';

/** A server that answers each connection with its name. */
export function answering(name: string): Server {
  return createServer((socket) => {
    socket.on('error', () => undefined); // a client that only probes has closed already
    socket.end(name);
  });
}

/** A socket with a listening server until the test is over. */
export async function liveSocket(path: string): Promise<void> {
  const server = answering('somebody else');
  await once(server.listen(path), 'listening');
  onTestFinished(() => {
    server.close();
  });
}

/** A socket file left behind by a killed process. */
export async function staleSocket(path: string): Promise<void> {
  const server = createServer();
  await once(server.listen(`${path}~`), 'listening');
  linkSync(`${path}~`, path); // Node.js removes only the name that it made
  await once(server.close(), 'close');
}
