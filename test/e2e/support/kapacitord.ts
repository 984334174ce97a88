import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Daemon, freePort } from './daemon.js';
import { KapacitorApi } from '../../../src/kapacitor/api.js';
import { runServer } from './run-server.js';
import type { Mounts } from './server-container.js';

export interface KapacitordOptions {
  /** Its data, its configuration and its log. */
  readonly folder: string;
  /** The `[udf.functions]` part of its configuration. */
  readonly udfConfig: string;
  /** The InfluxDB it works with; none if not given. */
  readonly influxUrl?: string;
  /** The token of an InfluxDB 2.x, which has no subscriptions. */
  readonly influxToken?: string | undefined;
  /** How often it takes snapshots: as TOML has it, `1m` by its own default. */
  readonly snapshotInterval?: string;
  /** A folder with `tasks`, `templates` and `handlers` that it loads by itself when it starts. */
  readonly load?: string;
  /** What it must reach outside its own folder, if it runs in a container: sockets, programs, files that it writes. */
  readonly mounts?: Mounts;
}

/** A Kapacitor with a folder of its own, on the loopback interface; it can be stopped and started again. */
export class Kapacitord {
  readonly api: KapacitorApi;
  readonly #folder: string;
  readonly #mounts: Mounts;
  #daemon: Daemon | undefined;

  private constructor({ folder, load, mounts }: KapacitordOptions, port: number) {
    this.#folder = folder;
    this.#mounts = {
      writes: [folder, ...(mounts?.writes ?? [])],
      reads: [...(load === undefined ? [] : [load]), ...(mounts?.reads ?? [])],
    };
    this.api = new KapacitorApi(`http://127.0.0.1:${port}`);
  }

  /** One that is configured and not started. */
  static async create(options: KapacitordOptions): Promise<Kapacitord> {
    mkdirSync(options.folder, { recursive: true });
    const port = await freePort();
    writeFileSync(configIn(options.folder), kapacitorConfig(options, port));
    return new Kapacitord(options, port);
  }

  get configFile(): string {
    return configIn(this.#folder);
  }

  get daemon(): Daemon {
    if (!this.#daemon) throw new Error('kapacitord has not been started');
    return this.#daemon;
  }

  /** Starts the process and does not wait until it serves. */
  launch(): void {
    this.#daemon = runServer('KAPACITORD', {
      args: ['-config', this.configFile],
      logFile: join(this.#folder, 'kapacitord.log'),
      mounts: this.#mounts,
    });
  }

  /** Waits until it serves. It opens its tasks first, and before them it asks every UDF what it is. */
  async ready(): Promise<void> {
    await this.daemon.ready(async () => (await this.api.ping()) !== '');
  }

  async start(): Promise<void> {
    this.launch();
    await this.ready();
  }

  async stop(): Promise<void> {
    await this.#daemon?.stop();
  }
}

function configIn(folder: string): string {
  return join(folder, 'kapacitor.conf');
}

function kapacitorConfig(options: KapacitordOptions, port: number): string {
  const { folder, influxUrl, influxToken, snapshotInterval = '1m', load, udfConfig } = options;
  return `
hostname = "127.0.0.1"
data_dir = "${folder}"
[http]
  bind-address = "127.0.0.1:${port}"
  log-enabled = false
  shutdown-timeout = "2s"
[logging]
  file = "STDERR"
  level = "DEBUG"
[replay]
  dir = "${folder}/replay"
[storage]
  boltdb = "${folder}/kapacitor.db"
[task]
  dir = "${folder}/tasks"
  snapshot-interval = "${snapshotInterval}"
[load]
  enabled = ${load !== undefined}
  dir = "${load ?? folder}"
[reporting]
  enabled = false
[stats]
  enabled = false
[deadman]
  global = false
[[influxdb]]
  enabled = ${influxUrl !== undefined}
  name = "test"
  default = true
  urls = ["${influxUrl ?? 'http://127.0.0.1:1'}"]
  kapacitor-hostname = "127.0.0.1"
  http-port = ${port}
  startup-timeout = "20s"
  subscriptions-sync-interval = "1s"
  disable-subscriptions = ${influxToken !== undefined}
  username = "${influxToken === undefined ? '' : 'any'}"
  password = "${influxToken ?? ''}"
${udfConfig}
`;
}
