import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { messageOf, UdfError } from '../model/errors.js';
import { connectProblem } from '../transport/dial-unix.js';
import type { ReloadResult } from './connections.js';
import { listenOnSocket, type SocketFile } from './socket-file.js';

/** What a host does when it is asked through its control socket. */
export interface Controlled {
  reload(): Promise<ReloadResult>;
}

/** A host's answer, as a line of JSON. */
interface Answer {
  readonly reloaded?: number;
  readonly errors?: readonly string[];
  /** Why nothing was done. */
  readonly problem?: string;
}

const maxRequestBytes = 1024;
const requestTimeoutMs = 5_000;

/** Replacing workers takes as long as their snapshots and restores. */
const answerTimeoutMs = 120_000;

/** The path of the control socket of the host that serves this socket. */
export function controlPathOf(socketPath: string): string {
  return join(dirname(socketPath), '.kapacitor-udf.control');
}

/** A host's control socket. Only its own user may connect. */
export interface ControlSocket {
  readonly server: Server;
  readonly file: SocketFile;
}

/** Listens for requests, one line a connection. Throws as `listenOnSocket` does. */
export async function openControlSocket(path: string, host: Controlled): Promise<ControlSocket> {
  const server = createServer((socket) => {
    serveRequest(socket, host);
  });
  const file = await listenOnSocket(server, path, { mode: 0o600, gid: undefined });
  return { server, file };
}

function serveRequest(socket: Socket, host: Controlled): void {
  let text = '';
  socket.setEncoding('utf8');
  socket.setTimeout(requestTimeoutMs, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('data', (part: string) => {
    text += part;
    const end = text.indexOf('\n');
    if (end < 0 && text.length <= maxRequestBytes) return;
    socket.pause();
    socket.setTimeout(0);
    void answerTo(text.slice(0, end), host).then((answer) => {
      socket.end(`${JSON.stringify(answer)}\n`);
    });
  });
}

async function answerTo(request: string, host: Controlled): Promise<Answer> {
  if (request !== 'reload') return { problem: 'the request is unknown; the host may be of an older version' };
  try {
    const { reloaded, errors } = await host.reload();
    return { reloaded, errors: errors.map(({ message }) => message) };
  } catch (reason) {
    return { problem: messageOf(reason) };
  }
}

/**
 * Asks the host of a control socket to reload. Rejects with `connection` if no host answers there, and `invalid_module` if
 * the modules cannot be loaded or have changed in a way that needs a restart.
 */
export async function requestReload(path: string): Promise<{ reloaded: number; errors: readonly string[] }> {
  const line = await exchange(path, 'reload\n').catch((reason: unknown) => {
    const text = `${path}: ${connectProblem(reason)}; a host listens there if it was started with --isolate`;
    throw new UdfError('connection', text, { cause: reason });
  });
  const { reloaded, errors = [], problem } = JSON.parse(line) as Answer; // written by `serveRequest`
  if (problem !== undefined || reloaded === undefined) {
    throw new UdfError('invalid_module', problem ?? 'the host did not reload');
  }
  return { reloaded, errors };
}

/** Sends a request and returns all that is answered. Rejects with the system's error, or if nothing is answered in time. */
function exchange(path: string, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = createConnection({ path });
    socket.setEncoding('utf8');
    socket.setTimeout(answerTimeoutMs, () => {
      socket.destroy(new Error(`the host has not answered within ${answerTimeoutMs / 1000} s`));
    });
    socket.once('connect', () => socket.write(request));
    socket.on('data', (part: string) => (answer += part));
    socket.once('error', reject);
    socket.once('end', () => {
      if (answer === '') reject(new Error('the host closed the connection without an answer'));
      else resolve(answer);
    });
  });
}
