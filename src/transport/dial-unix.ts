import { createConnection } from 'node:net';
import { messageOf, systemCode } from '../model/errors.js';
import { socketTransport } from './socket-transport.js';
import type { Transport } from './transport.js';

/**
 * Connects to a UDF's Unix socket as Kapacitor does; either side may half-close. Rejects with the system's error, which
 * `connectProblem` explains.
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

/** Why a Unix socket cannot be connected to, for a message. */
export function connectProblem(reason: unknown): string {
  switch (systemCode(reason)) {
    case 'ENOENT':
      return 'there is no socket';
    case 'ECONNREFUSED':
      return 'no process listens there; its host has ended';
    case 'EACCES':
      return 'no permission to connect; see --socket-mode and --socket-group of serve';
    default:
      return messageOf(reason);
  }
}
