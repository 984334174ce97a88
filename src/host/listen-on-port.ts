import type { Server } from 'node:net';
import { messageOf, systemCode, UdfError } from '../model/errors.js';

/**
 * Listens at a TCP address; `url` is for messages. Rejects with `socket_in_use`, `socket_permission` or `socket_failed` if it
 * cannot.
 */
export function listenOnPort(
  server: Server,
  { host, port }: { readonly host: string; readonly port: number },
  url: string,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (reason: Error): void => {
      reject(listenError(reason, url));
    };
    server.once('error', failed);
    server.listen({ host, port, exclusive: true }, () => {
      server.off('error', failed);
      resolve();
    });
  });
}

function listenError(cause: Error, url: string): UdfError {
  const where = `cannot listen on ${url}`;
  switch (systemCode(cause)) {
    case 'EADDRINUSE':
      return new UdfError(
        'socket_in_use',
        `${where}: another process does; stop it, or choose another port`,
        { cause },
      );
    case 'EACCES':
      return new UdfError('socket_permission', `${where}: no permission; choose a port from 1024`, { cause });
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new UdfError(
        'socket_failed',
        `${where}: this machine has no such address; choose another host`,
        { cause },
      );
    default:
      return new UdfError('socket_failed', `${where}: ${messageOf(cause)}`, { cause });
  }
}
