import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { java, jvm, startJava } from './java.js';

const startTimeoutMs = 60_000;

export interface KafkaNodeOptions {
  readonly id: number;
  readonly port: number;
  /** A directory of its own. */
  readonly directory: string;
  readonly settings: Readonly<Record<string, string>>;
  /** Users, as `kafka-storage --add-scram` takes them. */
  readonly scram: readonly string[];
  readonly heap: string;
}

/** One server of a cluster, on the loopback. */
export class KafkaNode {
  readonly id: number;
  readonly port: number;
  readonly address: string;
  readonly #options: KafkaNodeOptions;
  readonly #file: string;
  readonly #log: string;
  #process: ChildProcess | undefined;

  constructor(options: KafkaNodeOptions) {
    const { id, port, directory } = options;
    this.id = id;
    this.port = port;
    this.address = `127.0.0.1:${port}`;
    this.#options = options;
    this.#file = join(directory, 'server.properties');
    this.#log = join(directory, 'log');
  }

  /** Prepares its directory; to be called once. */
  async format(): Promise<void> {
    const { directory, settings, scram } = this.#options;
    const properties = { 'node.id': String(this.id), 'log.dirs': join(directory, 'data'), ...settings };
    mkdirSync(join(directory, 'data'), { recursive: true });
    const text = Object.entries(properties).map(([name, value]) => `${name}=${value}\n`);
    writeFileSync(this.#file, text.join(''));
    await startJava('kafka.tools.StorageTool', [
      ...['format', '-t', 'a2FwYWNpdG9yLXVkZi0wMQ', '-c', this.#file],
      ...scram.flatMap((credential) => ['--add-scram', credential]),
    ]);
  }

  /** Starts it, for the first time or again. Resolves when it listens. */
  async start(): Promise<void> {
    const log = openSync(this.#log, 'w');
    this.#process = spawn(java, [...jvm(this.#options.heap), 'kafka.Kafka', this.#file], {
      stdio: ['ignore', log, log],
    });
    const end = performance.now() + startTimeoutMs;
    while (!(await this.#isListening())) {
      if (this.#process.exitCode !== null || performance.now() > end) {
        throw new Error(`Kafka does not start:\n${readFileSync(this.#log, 'utf8')}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Ends it at once, by SIGKILL. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  async #isListening(): Promise<boolean> {
    const socket = connect(this.port, '127.0.0.1');
    const connected = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    return connected;
  }
}
