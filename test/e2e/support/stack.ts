import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { Agent } from './agent.js';
import type { InfluxApi } from './influx-api.js';
import { startInfluxd, type Influxd } from './influxd.js';
import type { KapacitorApi } from './kapacitor-api.js';
import { Kapacitord, type KapacitordOptions } from './kapacitord.js';

export interface StackOptions extends Pick<KapacitordOptions, 'load' | 'snapshotInterval'> {
  /** Databases that InfluxDB has when Kapacitor starts. Without any, there is no InfluxDB. */
  readonly databases?: readonly string[];
}

/** An agent with the bundled UDFs, a real Kapacitor, and a real InfluxDB if one is needed. */
export class Stack {
  #folder: string | undefined;
  #agent: Agent | undefined;
  #kapacitord: Kapacitord | undefined;
  #influxd: Influxd | undefined;

  /** Made when it is first asked for: a suite that is skipped makes none. */
  get folder(): string {
    return (this.#folder ??= mkdtempSync(join(tmpdir(), 'kapacitor-udf-')));
  }

  get agent(): Agent {
    return (this.#agent ??= new Agent(join(this.folder, 'sockets')));
  }

  get kapacitord(): Kapacitord {
    return started(this.#kapacitord, 'kapacitord');
  }

  get kapacitor(): KapacitorApi {
    return this.kapacitord.api;
  }

  get influx(): InfluxApi {
    return started(this.#influxd, 'influxd').api;
  }

  /** Everything up to Kapacitor's start. */
  async prepare({ databases = [], ...options }: StackOptions): Promise<void> {
    if (databases.length > 0) {
      this.#influxd = await startInfluxd(join(this.folder, 'influxdb'));
      for (const name of databases) await this.influx.query(`CREATE DATABASE "${name}"`);
    }
    this.#kapacitord = await Kapacitord.create({
      ...options,
      folder: join(this.folder, 'kapacitor'),
      udfConfig: this.agent.udfConfig,
      ...(this.#influxd && { influxUrl: this.influx.url }),
    });
  }

  async start(options: StackOptions): Promise<void> {
    await this.prepare(options);
    await this.agent.start();
    await this.kapacitord.start();
  }

  async stop(): Promise<void> {
    try {
      await this.#kapacitord?.stop();
      await this.#agent?.stop();
      await this.#influxd?.daemon.stop();
    } finally {
      if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
    }
  }

  /** What the servers and the agent have written last. */
  get logTails(): string {
    const tails = [this.#agent?.logTail, this.#kapacitord?.daemon.logTail, this.#influxd?.daemon.logTail];
    return tails.filter((tail) => tail !== undefined).join('\n');
  }
}

/** One stack for all tests of the `describe` that this is called in. When a test fails, the logs' ends are shown. */
export function useStack(options: StackOptions = {}): Stack {
  const stack = new Stack();
  beforeAll(() => stack.start(options), 60_000);
  afterAll(() => stack.stop(), 30_000);
  showLogsOnFailure(() => stack);
  return stack;
}

export function showLogsOnFailure(stack: () => Stack): void {
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') process.stderr.write(`${stack().logTails}\n`);
  });
}

function started<Part>(part: Part | undefined, name: string): Part {
  if (part === undefined) throw new Error(`${name} has not been started`);
  return part;
}
