import type { Socket } from 'node:net';
import type { Transport } from './transport.js';

/** The transport of a socket, which must allow half-open connections: output follows Kapacitor's half-close. */
export function socketTransport(socket: Socket, description: string): Transport {
  return {
    description,
    input: socket,
    output: socket,
    destroy: (error) => {
      socket.destroy(error);
    },
  };
}
