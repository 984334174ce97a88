import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { Agent } from './agent.js';
import { cliOutput, packageFolder } from './cli.js';
import type { InfluxApi } from './influx-api.js';
import { type Influxd, startInfluxd } from './influxd.js';
import type { KapacitorApi } from '../../../src/kapacitor/api.js';
import { Kapacitord, type KapacitordOptions } from './kapacitord.js';

export interface StackOptions extends Pick<KapacitordOptions, 'load' | 'snapshotInterval'> {
  /** Databases that InfluxDB has when Kapacitor starts. Without any, there is no InfluxDB. */
  readonly databases?: readonly string[];
  /** The source of a module with more UDFs. */
  readonly module?: string;
  /** UDFs that Kapacitor starts itself, as child processes; then there is no agent. */
  readonly processes?: readonly string[];
}

/** An agent with UDFs, a real Kapacitor, and a real InfluxDB if one is needed. */
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
    return prepared(this.#agent, 'the agent');
  }

  get kapacitord(): Kapacitord {
    return prepared(this.#kapacitord, 'kapacitord');
  }

  get kapacitor(): KapacitorApi {
    return this.kapacitord.api;
  }

  get influx(): InfluxApi {
    return prepared(this.#influxd, 'influxd').api;
  }

  /** Everything up to the start of the agent and Kapacitor. */
  async prepare({ databases = [], module, processes, ...options }: StackOptions): Promise<void> {
    if (databases.length > 0) {
      this.#influxd = await startInfluxd(join(this.folder, 'influxdb'));
      for (const name of databases) await this.influx.createDatabase(name);
    }
    if (!processes) this.#agent = new Agent({ folder: this.folder, modules: this.#moduleFile(module) });
    this.#kapacitord = await Kapacitord.create({
      ...options,
      folder: join(this.folder, 'kapacitor'),
      udfConfig: processes ? cliOutput('config', '--process', ...processes) : this.agent.config(),
      ...(this.#influxd && { influxUrl: this.influx.url, influxToken: this.influx.org?.token }),
      // Its alerts are logged here, and its child processes are this package with this Node.js.
      mounts: { writes: [this.folder], reads: processes ? [process.execPath, packageFolder] : [] },
    });
  }

  async start(options: StackOptions): Promise<void> {
    await this.prepare(options);
    await this.#agent?.start();
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
    const daemons = [this.#agent?.daemon, this.#kapacitord?.daemon, this.#influxd?.daemon];
    return daemons
      .filter((daemon) => daemon !== undefined)
      .map((daemon) => daemon.logTail)
      .join('\n');
  }

  #moduleFile(source: string | undefined): string[] {
    if (source === undefined) return [];
    const file = join(this.folder, 'udfs.mjs');
    writeFileSync(file, source);
    return [file];
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

function prepared<Part>(part: Part | undefined, name: string): Part {
  if (part === undefined) throw new Error(`${name} is no part of this stack, or not yet`);
  return part;
}
