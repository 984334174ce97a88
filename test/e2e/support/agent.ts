import { join } from 'node:path';
import { cliCommand, cliOutput } from './cli.js';
import { Daemon } from './daemon.js';
import { runProcess } from './server-process.js';

export interface AgentOptions {
  /** Its sockets and its logs. */
  readonly folder: string;
  /** Modules with more UDFs than the bundled ones. */
  readonly modules: readonly string[];
}

/** `kapacitor-udf serve` with all UDFs, as a process of its own; can be stopped and started again. */
export class Agent {
  readonly #folder: string;
  readonly #load: readonly string[];
  #starts = 0;
  #daemon: Daemon | undefined;

  constructor({ folder, modules }: AgentOptions) {
    this.#folder = folder;
    this.#load = modules.length > 0 ? ['--load', ...modules] : [];
  }

  get daemon(): Daemon {
    if (!this.#daemon) throw new Error('the agent has not been started');
    return this.#daemon;
  }

  /** The part of `kapacitor.conf` that names its sockets, as the package prints it. */
  config(): string {
    return cliOutput('config', '--socket-dir', this.#socketDir, ...this.#load);
  }

  /** Starts it on its own sockets, or on those of a kapacitor.conf. */
  async start(config?: string, more: readonly string[] = []): Promise<void> {
    const [command, script] = cliCommand();
    const sockets = config === undefined ? ['--socket-dir', this.#socketDir] : ['--config', config];
    const logFile = join(this.#folder, `agent-${++this.#starts}.log`);
    const args = [script, 'serve', ...sockets, '--log-level', 'debug', ...this.#load, ...more];
    const daemon = new Daemon({
      name: 'the agent',
      logFile,
      process: runProcess({ command, args }, logFile),
    });
    this.#daemon = daemon;
    await daemon.ready(() => Promise.resolve(daemon.log.includes('"msg":"ready"')));
  }

  async stop(): Promise<void> {
    await this.#daemon?.stop();
  }

  get #socketDir(): string {
    return join(this.#folder, 'sockets');
  }
}
