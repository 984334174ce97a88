import type { Socket } from 'node:net';
import type { Transport } from './transport.js';

/** A connection on a socket. Its server must allow half-open ones: the last points follow Kapacitor's half-close. */
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
