import { spawnSync } from 'node:child_process';
import { appendFileSync, writeFileSync } from 'node:fs';
import { GenericContainer, getContainerRuntimeClient } from 'testcontainers';
import type { ServerProcess } from './server-process.js';

/** Paths that are the same inside a container as outside. */
export interface Mounts {
  readonly writes?: readonly string[];
  readonly reads?: readonly string[];
}

export interface ContainerOptions {
  readonly image: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly mounts: Mounts;
}

/**
 * Runs a server in a container that stands where a child process would: with the network, the paths and the user of the
 * tests. So it can be given the same configuration, and it reaches the agent's sockets. A file takes what it writes.
 */
export function runContainer(options: ContainerOptions, logFile: string): ServerProcess {
  const note = (text: string | Buffer): void => {
    appendFileSync(logFile, text);
  };
  writeFileSync(logFile, '', { flag: 'a' });
  const container = start(options, note);
  const exited = container
    .then(({ ended }) => ended)
    .catch((reason: unknown) => {
      note(`${String(reason)}\n`);
    });
  return {
    exited,
    signal: (name) => void container.then(({ kill }) => kill(name)).catch(() => undefined), // it has ended
  };
}

async function start(options: ContainerOptions, note: (text: string | Buffer) => void) {
  const { image, command, args, mounts } = options;
  let logged = Promise.resolve();
  const started = await new GenericContainer(image)
    .withEntrypoint([command])
    .withCommand([...args])
    .withNetworkMode('host')
    .withUser(`${process.getuid!()}:${process.getgid!()}`)
    .withBindMounts([
      ...(mounts.writes ?? []).map((path) => ({ source: path, target: path, mode: 'rw' as const })),
      ...(mounts.reads ?? []).map((path) => ({ source: path, target: path, mode: 'ro' as const })),
    ])
    .withLogConsumer((stream) => {
      stream.on('data', note);
      logged = new Promise((done) => void stream.once('end', done));
    })
    // It is removed below: what would do that otherwise is one more image.
    .withAutoCleanup(false)
    .start();

  const id = started.getId();
  // A test run that is cut short must not leave a server behind.
  const remove = (): void => void spawnSync('docker', ['rm', '--force', '--volumes', id]);
  process.once('exit', remove);
  const container = (await getContainerRuntimeClient()).container.getById(id);
  const ended = (async () => {
    await container.wait();
    await logged;
    await container.remove({ force: true, v: true });
    process.removeListener('exit', remove);
  })();
  return { ended, kill: (signal: string) => container.kill({ signal }) };
}
