import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { type Daemon, freePort } from './daemon.js';
import { InfluxApi, type InfluxOrg } from './influx-api.js';
import { runServer } from './run-server.js';
import { influxVersion } from './servers.js';

/** An InfluxDB with a folder of its own, on the loopback interface. */
export interface Influxd {
  readonly api: InfluxApi;
  /** Of the server that runs now. */
  readonly daemon: Daemon;
  /** Starts it again where it was, after it was stopped or killed. */
  restart(): Promise<void>;
}

/** Starts an InfluxDB of the version that there is. One of 2.x is set up, and its token is that of commands that are run. */
export async function startInfluxd(folder: string): Promise<Influxd> {
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const isOne = influxVersion() === 1;
  const config = join(folder, 'influxdb.conf');
  if (isOne) writeFileSync(config, influxConfig(folder, port));
  const anonymous = new InfluxApi(url);
  const start = async (): Promise<Daemon> => {
    const server = runServer('INFLUXD', {
      args: isOne ? ['-config', config] : influxArguments(folder, port),
      logFile: join(folder, 'influxd.log'),
      mounts: { writes: [folder] },
    });
    await server.ready(async () => (await anonymous.ping()) !== '');
    return server;
  };
  let daemon = await start();
  const api = isOne ? anonymous : new InfluxApi(url, await setUp(url));
  if (api.org) process.env.INFLUX_TOKEN = api.org.token;
  return {
    api,
    get daemon() {
      return daemon;
    },
    async restart() {
      daemon = await start();
    },
  };
}

/** An InfluxDB with the database `d`, and a folder that is removed with it, around the tests of a block. */
export function useInfluxd(): Influxd & { readonly folder: string } {
  let folder: string;
  let influxd: Influxd;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ku-'));
    influxd = await startInfluxd(join(folder, 'influxdb'));
    await influxd.api.createDatabase('d');
  }, 60_000);

  afterAll(async () => {
    await influxd.daemon.stop();
    rmSync(folder, { recursive: true, force: true });
  }, 30_000);

  return {
    get folder() {
      return folder;
    },
    get api() {
      return influxd.api;
    },
    get daemon() {
      return influxd.daemon;
    },
    restart: () => influxd.restart(),
  };
}

/** Flags of InfluxDB 2.x. */
function influxArguments(folder: string, port: number): string[] {
  return [
    ...['run', '--http-bind-address', `127.0.0.1:${port}`, '--reporting-disabled'],
    ...['--bolt-path', join(folder, 'influxd.bolt'), '--sqlite-path', join(folder, 'influxd.sqlite')],
    ...['--engine-path', join(folder, 'engine')],
  ];
}

/** The first organisation, user and token of an InfluxDB 2.x. */
async function setUp(url: string): Promise<InfluxOrg> {
  const [org, token] = ['test', 'token-of-the-tests'];
  const response = await fetch(`${url}/api/v2/setup`, {
    method: 'POST',
    body: JSON.stringify({
      username: 'test',
      password: 'password-of-the-tests',
      org,
      token,
      bucket: 'first',
    }),
  });
  if (!response.ok) throw new Error(`InfluxDB cannot be set up: ${await response.text()}`);
  const answer = (await response.json()) as { readonly org: { readonly id: string } }; // as 2.x answers
  return { org, orgId: answer.org.id, token };
}

function influxConfig(folder: string, port: number): string {
  return `
reporting-disabled = true
bind-address = "127.0.0.1:0"
[meta]
  dir = "${folder}/meta"
[data]
  dir = "${folder}/data"
  wal-dir = "${folder}/wal"
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:${port}"
  log-enabled = false
[continuous_queries]
  enabled = false
# As compose.yaml has it, for the order of points.
[subscriber]
  write-concurrency = 1
`;
}
