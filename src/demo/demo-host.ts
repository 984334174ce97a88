import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UdfError } from '../model/errors.js';
import { dialUnix } from '../transport/dial-unix.js';
import type { Transport } from '../transport/transport.js';
import { packageFile } from './recordings.js';

/** `kapacitor-udf serve` in its own process, on sockets in a temporary directory. */
export interface DemoHost {
  readonly directory: string;
  /** Connects to a UDF's socket. Retries until the host listens; rejects with `connection` after 10 s or its exit. */
  connect(udf: string): Promise<Transport>;
  /** Runs a command of `kapacitor-udf` beside it. Rejects with `internal` and what it said if the exit code is not 0. */
  run(args: readonly string[]): Promise<void>;
  /** Ends the host with SIGTERM and removes the directory. Rejects with `internal` if the exit code is not 0. */
  stop(): Promise<void>;
  /** Ends the host with SIGKILL and removes the directory. */
  kill(): Promise<void>;
}

const startTimeoutMs = 10_000;
const retryMs = 20;

export function startDemoHost(): DemoHost {
  const directory = mkdtempSync(join(tmpdir(), 'kapacitor-udf-'));
  const cli = packageFile('dist/src/cli/main.js');
  // What its log would say of a busy machine is no part of a demonstration; failures reach it by the protocol and the exit code.
  const args = [cli, 'serve', '--socket-dir', directory, '--log-level', 'silent'];
  const host = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const exited = once(host, 'exit') as Promise<[number | null]>;
  let command: ChildProcess | undefined;
  // For a process that exits without an end of the demo: standard output cannot be written, for example.
  const cleanUp = (): void => {
    host.kill('SIGKILL');
    command?.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  };
  process.once('exit', cleanUp);
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    host.kill(signal);
    const [code] = await exited;
    process.off('exit', cleanUp);
    rmSync(directory, { recursive: true, force: true });
    return code;
  };
  return {
    directory,
    connect: (udf) => dial(join(directory, `${udf}.sock`), host),
    run: async (args) => {
      if (host.killed) throw new UdfError('internal', 'the demo has been stopped');
      command = spawn(process.execPath, [cli, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
      let said = '';
      command.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text));
      const [code] = (await once(command, 'close')) as [number | null];
      command = undefined;
      if (code !== 0)
        throw new UdfError('internal', `${args[0]} ended with exit code ${code ?? 'none'}: ${said}`);
    },
    stop: async () => {
      const code = await end('SIGTERM');
      if (code !== 0) throw new UdfError('internal', `the host ended with exit code ${code ?? 'none'}`);
    },
    kill: async () => {
      command?.kill('SIGKILL');
      await end('SIGKILL');
    },
  };
}

async function dial(path: string, host: ChildProcess): Promise<Transport> {
  for (const start = Date.now(); ;) {
    try {
      return await dialUnix(path);
    } catch (cause) {
      if (host.exitCode !== null || Date.now() - start > startTimeoutMs) {
        throw new UdfError('connection', `the host does not answer on ${path}`, { cause });
      }
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
  }
}
