import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createHost, type Host } from '../../../src/host/host.js';
import { createLogger } from '../../../src/telemetry/create-logger.js';
import { bundledUdfs } from '../../../udfs/index.js';

/** All bundled UDFs on sockets in one folder; can be stopped and started again. */
export class Agent {
  readonly #socketDir: string;
  readonly #lines: string[] = [];
  #host: Host | undefined;

  constructor(socketDir: string) {
    this.#socketDir = socketDir;
  }

  async start(): Promise<void> {
    mkdirSync(this.#socketDir, { recursive: true });
    const write = (line: string): void => void this.#lines.push(line);
    this.#host = createHost({
      logger: createLogger({ level: 'debug', destination: { write } }),
      sockets: bundledUdfs.map((definition) => ({ definition, path: this.#socket(definition.name) })),
    });
    await this.#host.start();
  }

  async stop(): Promise<void> {
    await this.#host?.stop();
  }

  /** The part of `kapacitor.conf` that names its sockets. */
  get udfConfig(): string {
    return bundledUdfs
      .map(({ name }) => `[udf.functions.${name}]\n  socket = "${this.#socket(name)}"\n  timeout = "10s"\n`)
      .join('');
  }

  get logTail(): string {
    return ["--- the last lines of the agent's log", ...this.#lines.slice(-40)].join('\n');
  }

  #socket(name: string): string {
    return join(this.#socketDir, `${name}.sock`);
  }
}
