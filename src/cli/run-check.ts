import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, systemCode, UdfError } from '../model/errors.js';
import { ExitCode } from './exit-code.js';
import { configuredSockets } from '../host/kapacitor-conf.js';
import { defaultSocketDir, type SocketOptions, type LogOptions } from './options.js';
import { print, printJson } from './print.js';
import { probeSocket } from '../peer/probe-socket.js';

export interface CheckOptions extends SocketOptions, LogOptions {
  readonly timeout: bigint;
  readonly json?: true;
}

/** A socket that a UDF is expected on. */
interface Expected {
  readonly name: string;
  readonly path: string;
}

/** Asks on each socket for its UDF and prints who answers; the exit code is 1 unless all do. */
export async function runCheck(names: readonly string[], options: CheckOptions): Promise<void> {
  const sockets = socketsToCheck(names, options);
  const timeoutMs = Number(options.timeout / 1_000_000n);
  const results = await Promise.all(sockets.map((socket) => checkSocket(socket, timeoutMs)));
  if (options.json) {
    await printJson(results);
  } else {
    const width = Math.max(...sockets.map(({ name }) => name.length));
    await print(
      results
        .map(({ name, socket, ...result }) => {
          const start = `${result.ok ? 'ok  ' : 'FAIL'}  ${name.padEnd(width)}  ${socket}`;
          return result.ok
            ? `${start}  ${result.wants} -> ${result.provides}, ${result.ms} ms`
            : `${start}  ${result.error}`;
        })
        .join('\n'),
    );
  }
  if (!results.every(({ ok }) => ok)) throw new ExitCode(1);
}

function socketsToCheck(names: readonly string[], options: CheckOptions): readonly Expected[] {
  if (options.config !== undefined) return configuredSockets(options.config, names).sockets;
  const { socketDir = defaultSocketDir } = options;
  const found = names.length > 0 ? names : socketsIn(socketDir);
  return found.map((name) => ({ name, path: join(socketDir, name + extension) }));
}

const extension = '.sock';

function socketsIn(directory: string): string[] {
  let files: string[];
  try {
    files = readdirSync(directory);
  } catch (cause) {
    const problem = systemCode(cause) === 'ENOENT' ? 'there is no such directory' : messageOf(cause);
    throw new UdfError('socket_failed', `no UDF answers in ${directory}: ${problem}`, { cause });
  }
  const names = files
    .filter((file) => file.endsWith(extension))
    .map((file) => file.slice(0, -extension.length));
  if (names.length === 0) {
    throw new UdfError(
      'socket_failed',
      `no UDF answers in ${directory}: there is no socket; is the host running?`,
    );
  }
  return names.sort();
}

async function checkSocket({ name, path }: Expected, timeoutMs: number) {
  try {
    return { name, socket: path, ok: true as const, ...(await probeSocket(path, timeoutMs)) };
  } catch (reason) {
    return { name, socket: path, ok: false as const, error: messageOf(reason) };
  }
}
