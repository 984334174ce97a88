import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UdfError } from '../model/errors.js';
import { dialUnix } from '../transport/dial-unix.js';
import type { Transport } from '../transport/transport.js';
import { packageFile } from './package-file.js';

/** The host as users run it, `kapacitor-udf serve` in a process of its own, on sockets in a temporary directory. */
export interface Stage {
  readonly directory: string;
  /** A connection to a UDF's socket. */
  connect(udf: string): Promise<Transport>;
  /** Ends the host with SIGTERM. Throws `internal` if it does not end well. */
  close(): Promise<void>;
  /** Ends it at once, and leaves nothing behind either. */
  abort(): Promise<void>;
}

const startMs = 10_000;
const retryMs = 20;

export function openStage(): Stage {
  const directory = mkdtempSync(join(tmpdir(), 'kapacitor-udf-'));
  const args = [
    packageFile('dist/src/cli/main.js'),
    'serve',
    '--socket-dir',
    directory,
    '--log-level',
    'warn',
  ];
  const host = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const exited = once(host, 'exit') as Promise<[number | null]>;
  return {
    directory,
    connect: (udf) => dial(join(directory, `${udf}.sock`), host),
    close: async () => {
      host.kill('SIGTERM');
      const [code] = await exited;
      rmSync(directory, { recursive: true, force: true });
      if (code !== 0) throw new UdfError('internal', `the host ended with exit code ${code ?? 'none'}`);
    },
    abort: async () => {
      host.kill('SIGKILL');
      await exited;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Kapacitor, too, dials again until the host is there. */
async function dial(path: string, host: ChildProcess): Promise<Transport> {
  for (const start = Date.now(); ;) {
    try {
      return await dialUnix(path);
    } catch (cause) {
      if (host.exitCode !== null || Date.now() - start > startMs) {
        throw new UdfError('connection', `the host does not answer on ${path}`, { cause });
      }
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
  }
}
