import { type ChildProcess, spawn, type StdioOptions } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { until } from './until.js';

/** The built command line: `npm test` builds before the tests run. */
export const cli = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

export interface SpawnOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly uid?: number;
  readonly stdio?: StdioOptions;
  /** Options of Node.js itself. */
  readonly execArgv?: readonly string[];
}

/** A process's exit code or signal. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A running command. It is killed when the test is over, if it still runs then. */
export class Cli {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = '';
  stderr = '';

  constructor(args: readonly string[], options: SpawnOptions = {}) {
    const { execArgv = [], ...given } = options;
    const child = spawn(process.execPath, [...execArgv, cli, ...args], given);
    this.process = child;
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        resolve({ code, signal });
      });
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    onTestFinished(async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await this.ended.catch(() => undefined);
    });
  }

  /** The entries of its log so far. */
  get log(): Readonly<Record<string, unknown>>[] {
    return this.stderr
      .split('\n')
      .slice(0, -1)
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  logged(text: string): boolean {
    return this.log.some(({ msg }) => String(msg).includes(text));
  }

  /** Waits for a line of the log. Rejects with all that it wrote if it ends before. */
  async untilLogged(text: string): Promise<void> {
    let ended = false;
    void this.ended.finally(() => {
      ended = true;
    });
    await until(`"${text}" is logged`, () => this.logged(text) || ended);
    if (!this.logged(text)) throw new Error(`it ended without logging "${text}":\n${this.stderr}`);
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    this.process.kill(signal);
    return this.ended;
  }
}

/** Runs a command to its end. */
export async function runCli(
  args: readonly string[],
  options: SpawnOptions = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const command = new Cli(args, options);
  command.process.stdin?.end();
  command.process.stdout?.setEncoding('utf8').on('data', (text: string) => {
    command.stdout += text;
  });
  const { code } = await command.ended;
  return { code, stdout: command.stdout, stderr: command.stderr };
}

/** A host that listens. */
export async function serve(args: readonly string[], options: SpawnOptions = {}): Promise<Cli> {
  const host = new Cli(['serve', ...args], options);
  await host.untilLogged('ready');
  return host;
}
