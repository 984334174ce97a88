import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';

/** A server that was started, in whichever way. */
export interface ServerProcess {
  /** Resolves once it has ended, however it did, and all that it wrote is in its log. */
  readonly exited: Promise<void>;
  /** Sends it a signal; nothing happens if it has ended. */
  signal(name: 'SIGTERM' | 'SIGKILL'): void;
}

export interface ProcessOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Runs a program as a child of the tests. A file takes what it writes to standard output and error. */
export function runProcess({ command, args, env, cwd }: ProcessOptions, logFile: string): ServerProcess {
  const log = openSync(logFile, 'a');
  const child = spawn(command, args, { stdio: ['ignore', log, log], cwd, env: { ...process.env, ...env } });
  closeSync(log);
  const kill = (): void => void child.kill('SIGKILL');
  // A test run that is cut short must not leave a server behind.
  process.once('exit', kill);
  const exited = new Promise<void>((done) => {
    const gone = (): void => {
      process.removeListener('exit', kill);
      done();
    };
    child.once('exit', gone);
    child.once('error', gone);
  });
  return { exited, signal: (name) => void child.kill(name) };
}
