import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerProcess } from './server-process.js';
import { until } from './until.js';

export interface DaemonOptions {
  readonly name: string;
  /** The file that takes what it writes to standard output and error. */
  readonly logFile: string;
  readonly process: ServerProcess;
}

/** A server of these tests: a process, or a container, whose output goes to a file. */
export class Daemon {
  readonly #options: DaemonOptions;
  #running = true;

  constructor(options: DaemonOptions) {
    this.#options = options;
    void options.process.exited.then(() => {
      this.#running = false;
    });
  }

  get running(): boolean {
    return this.#running;
  }

  /** All that it has written so far. */
  get log(): string {
    return readFileSync(this.#options.logFile, 'utf8');
  }

  /** The end of its log, under a heading: for the report of a failure. */
  get logTail(): string {
    const lines = this.log.trimEnd().split('\n').slice(-40);
    return [`--- the last lines of ${this.#options.name}'s log`, ...lines].join('\n');
  }

  /** Waits until `look` finds it ready. Rejects, with the end of its log, if it exits or takes too long. */
  async ready(look: () => Promise<boolean>, within = 20_000): Promise<void> {
    const { name } = this.#options;
    try {
      await until(`${name} is ready`, async () => !this.#running || (await look()), { within });
      if (!this.#running) throw new Error(`${name} exited while starting`);
    } catch (cause) {
      throw new Error(`${name} did not start\n${this.logTail}`, { cause });
    }
  }

  /** Asks it to end, and waits until it has. After ten seconds it is killed, and this rejects. */
  async stop(): Promise<void> {
    this.#options.process.signal('SIGTERM');
    const late = new AbortController();
    const inTime = await Promise.race([
      this.#options.process.exited.then(() => true),
      sleep(10_000, false, { signal: late.signal }).catch(() => false),
    ]);
    late.abort();
    if (inTime) return;
    await this.kill();
    throw new Error(`${this.#options.name} had to be killed: it did not end on SIGTERM\n${this.logTail}`);
  }

  /** Ends it at once, as a crash would. */
  async kill(): Promise<void> {
    this.#options.process.signal('SIGKILL');
    await this.#options.process.exited;
  }
}

/**
 * A TCP port of the loopback interface that nobody listens on. It is not one of those that systems give to outgoing
 * connections, so it is still free when a server that was stopped wants it again.
 */
export async function freePort(): Promise<number> {
  return until('there is a free port', async () => {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const server = createServer();
    await new Promise<void>((done, failed) => {
      server.once('error', failed);
      server.listen(port, '127.0.0.1', done);
    });
    await new Promise((done) => server.close(done));
    return port;
  });
}
