import { once } from 'node:events';
import { linkSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { onTestFinished } from 'vitest';

/** A server that tells everybody who it is. */
export function answering(who: string): Server {
  return createServer((socket) => {
    socket.on('error', () => undefined); // those who only look are gone already
    socket.end(who);
  });
}

/** A socket that somebody listens on until the test is over. */
export async function liveSocket(path: string): Promise<void> {
  const server = answering('somebody else');
  await once(server.listen(path), 'listening');
  onTestFinished(() => {
    server.close();
  });
}

/** A socket as a process leaves it that was killed. */
export async function staleSocket(path: string): Promise<void> {
  const server = createServer();
  await once(server.listen(`${path}~`), 'listening');
  linkSync(`${path}~`, path); // Node.js removes only the name that it made
  await once(server.close(), 'close');
}
