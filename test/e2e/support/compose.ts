import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageFolder } from './cli.js';
import { freePort } from './daemon.js';
import { hasCompose, hasImage } from './docker.js';
import { hostImage, missingForImage } from './image.js';

/** The images that compose.yaml uses and does not build, and those that the tests can do without. */
const images = {
  INFLUXDB_IMAGE: process.env.INFLUXDB_IMAGE ?? 'influxdb:1.8',
  KAPACITOR_IMAGE: process.env.KAPACITOR_IMAGE ?? 'kapacitor:1.8',
};
const grafana = process.env.GRAFANA_IMAGE ?? 'grafana/grafana:12.1.0';

export const hasGrafana = (): boolean => hasImage(grafana);

/** What is missing to run compose.yaml: images, or Docker's plug-in. */
export function missingForCompose(): readonly string[] {
  if (!hasCompose()) return ['the plug-in compose'];
  return [...Object.values(images).filter((image) => !hasImage(image)), ...missingForImage()];
}

/** The stack of compose.yaml, under a name and on ports of its own. */
export class ComposeStack {
  readonly influxUrl: string;
  readonly kapacitorUrl: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #name: string;

  private constructor(env: Readonly<Record<string, string>>) {
    this.#env = env;
    this.#name = `kapacitor-udf-test-${process.pid}`;
    this.influxUrl = `http://127.0.0.1:${env.INFLUXDB_PORT}`;
    this.kapacitorUrl = `http://127.0.0.1:${env.KAPACITOR_PORT}`;
  }

  /** One that is not started. Its image is built, unless it is given. */
  static async create(): Promise<ComposeStack> {
    const ports: Record<string, string> = {};
    for (const server of ['INFLUXDB', 'KAPACITOR', 'GRAFANA'])
      ports[`${server}_PORT`] = String(await freePort());
    return new ComposeStack({ ...images, ...ports, KAPACITOR_UDF_IMAGE: await hostImage() });
  }

  /** Starts what is not running, and waits for what others wait for. */
  async up(): Promise<void> {
    // What is named brings what it depends on.
    const services = hasGrafana() ? [] : ['demo'];
    await this.run('up', '--detach', '--no-build', ...services);
  }

  /** Ends everything; what is in the volumes stays. */
  async down(...args: readonly string[]): Promise<void> {
    await this.run('down', '--timeout', '20', ...args);
  }

  /** The id of a service's container, whether it runs or not. */
  container(service: string): Promise<string> {
    return this.run('ps', '--all', '--quiet', service);
  }

  /** What a command of `docker compose` prints. Rejects with what it says is wrong. */
  async run(...args: readonly string[]): Promise<string> {
    const file = join(packageFolder, 'docker/compose.yaml');
    const { stdout } = await promisify(execFile)(
      'docker',
      ['compose', '--file', file, '--project-name', this.#name, ...args],
      { env: { ...process.env, ...this.#env } },
    );
    return stdout.trimEnd();
  }
}
