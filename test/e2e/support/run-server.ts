import { Daemon } from './daemon.js';
import { type Mounts, runContainer } from './server-container.js';
import { runProcess } from './server-process.js';
import { binaryName, serverFor, type ServerVariable } from './servers.js';

export interface ServerOptions {
  readonly args: readonly string[];
  readonly logFile: string;
  /** What it must reach, if it runs in a container. */
  readonly mounts: Mounts;
}

/** Starts a server, by its binary or in a container, and does not wait until it serves. */
export function runServer(variable: ServerVariable, { args, logFile, mounts }: ServerOptions): Daemon {
  const server = serverFor(variable);
  const name = binaryName(variable);
  const process =
    server.kind === 'binary'
      ? runProcess({ command: server.path, args }, logFile)
      : runContainer({ image: server.image, command: name, args, mounts }, logFile);
  return new Daemon({ name, logFile, process });
}
