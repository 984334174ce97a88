import { createConnection } from 'node:net';
import { socketTransport } from './socket-transport.js';
import type { Transport } from './transport.js';

/**
 * Connects to a UDF's Unix socket as Kapacitor does; either side may half-close. Rejects with the system's error if
 * nobody answers there.
 */
export function dialUnix(path: string): Promise<Transport> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path, allowHalfOpen: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socketTransport(socket, `unix:${path}`));
    });
  });
}
