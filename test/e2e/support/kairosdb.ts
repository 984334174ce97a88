import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findExecutable } from '../../support/find-executable.js';
import { Daemon, freePort } from './daemon.js';
import { runProcess } from './server-process.js';

/** The directory of a KairosDB, with its jars in `lib`. */
const home = process.env.KAIROSDB_HOME;
const java = findExecutable('JAVA', 'java');

/** Why there is no KairosDB to test with; `undefined` if there is. */
export const kairosMissing =
  home === undefined
    ? 'KAIROSDB_HOME is not set to the directory of a KairosDB'
    : !existsSync(join(home, 'lib'))
      ? `there is no ${join(home, 'lib')}`
      : java === undefined
        ? 'there is no java on the PATH'
        : undefined;

/** A title that says what is missing. */
export function kairosTitle(title: string): string {
  return kairosMissing === undefined ? title : `${title} (skipped: ${kairosMissing})`;
}

const startTimeoutMs = 60_000;

/** The values of a series, by time. */
interface Result {
  readonly tags: Readonly<Record<string, readonly string[]>>;
  readonly values: readonly (readonly [time: number, value: number | string])[];
}

interface Query {
  readonly sample_size: number;
  readonly results: readonly Result[];
}

/** A KairosDB with its embedded store in a folder of its own, on the loopback interface. */
export class Kairosdb {
  readonly url: string;
  readonly #folder: string;
  readonly #options: readonly string[];
  #daemon: Daemon;

  private constructor(url: string, folder: string, options: readonly string[]) {
    this.url = url;
    this.#folder = folder;
    this.#options = options;
    this.#daemon = this.#run();
  }

  /** With a password, it wants the user `feeder` with that password. */
  static async start(folder: string, password?: string): Promise<Kairosdb> {
    mkdirSync(folder, { recursive: true });
    const [port, telnetPort] = [await freePort(), await freePort()];
    const settings = [
      `telnetserver: { port: ${telnetPort}, address: "127.0.0.1" }`,
      `jetty: { port: ${port}, address: "127.0.0.1" ${password === undefined ? '' : ', auth_module_name: "basicAuth"'} }`,
      `datastore.h2.database_path: ${JSON.stringify(join(folder, 'h2'))}`,
    ];
    writeFileSync(join(folder, 'kairosdb.conf'), `kairosdb: {\n${settings.join('\n')}\n}\n`);
    const users = join(folder, 'users.props');
    const login = join(folder, 'login.jaas');
    writeFileSync(users, `feeder: ${password ?? ''}\n`);
    const module = 'org.eclipse.jetty.jaas.spi.PropertyFileLoginModule';
    writeFileSync(login, `basicAuth { ${module} required file=${JSON.stringify(users)}; };\n`);
    const options = password === undefined ? [] : [`-Djava.security.auth.login.config=${login}`];
    const kairosdb = new Kairosdb(`http://127.0.0.1:${port}`, folder, options);
    await kairosdb.#ready();
    return kairosdb;
  }

  stop(): Promise<void> {
    return this.#daemon.stop();
  }

  /** Starts it again where it was. */
  async restart(): Promise<void> {
    this.#daemon = this.#run();
    await this.#ready();
  }

  /** The series of a metric, in order of their tags. */
  async series(metric: string): Promise<readonly Result[]> {
    const { results } = await this.#query(metric);
    return results
      .filter(({ values }) => values.length > 0)
      .sort((a, b) => (JSON.stringify(a.tags) < JSON.stringify(b.tags) ? -1 : 1));
  }

  /** How many data points of a metric are stored. */
  async count(metric: string): Promise<number> {
    return (await this.#query(metric)).sample_size;
  }

  async #query(metric: string): Promise<Query> {
    const tags = await this.#post('/api/v1/datapoints/query/tags', metric, {});
    const names = Object.keys(tags.results[0]?.tags ?? {});
    return this.#post('/api/v1/datapoints/query', metric, { group_by: [{ name: 'tag', tags: names }] });
  }

  async #post(path: string, name: string, more: object): Promise<Query> {
    const response = await fetch(`${this.url}${path}`, {
      method: 'POST',
      body: JSON.stringify({ start_absolute: -1_000_000_000, metrics: [{ name, ...more }] }),
    });
    if (!response.ok) throw new Error(`KairosDB refuses a query: ${await response.text()}`);
    const { queries } = (await response.json()) as { readonly queries: readonly [Query] }; // one for each metric
    return queries[0];
  }

  #run(): Daemon {
    const logFile = join(this.#folder, 'kairosdb.log');
    const opens = ['java.base/java.lang', 'java.base/java.util'].flatMap((name) => [
      '--add-opens',
      `${name}=ALL-UNNAMED`,
    ]);
    const process = runProcess(
      {
        cwd: this.#folder, // it writes logs there
        command: java!, // the suite is skipped without it, and without a home
        args: [
          ...[
            '-Xmx512m',
            '-Duser.timezone=UTC',
            ...opens,
            ...this.#options,
            '-cp',
            join(home!, 'lib', '*'),
            'org.kairosdb.core.Main',
          ],
          ...['-c', 'run', '-p', join(this.#folder, 'kairosdb.conf')],
        ],
      },
      logFile,
    );
    return new Daemon({ name: 'KairosDB', logFile, process });
  }

  async #ready(): Promise<void> {
    await this.#daemon.ready(
      () =>
        fetch(`${this.url}/api/v1/version`).then(
          ({ status }) => status === 200 || status === 401,
          () => false,
        ),
      startTimeoutMs,
    );
  }
}
