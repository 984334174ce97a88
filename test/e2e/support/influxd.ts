import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Daemon, freePort } from './daemon.js';
import { InfluxApi } from './influx-api.js';
import { runServer } from './run-server.js';

/** An InfluxDB with a folder of its own, on the loopback interface. */
export interface Influxd {
  readonly api: InfluxApi;
  /** Of the server that runs now. */
  readonly daemon: Daemon;
  /** Starts it again where it was, after it was stopped or killed. */
  restart(): Promise<void>;
}

export async function startInfluxd(folder: string): Promise<Influxd> {
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const config = join(folder, 'influxdb.conf');
  writeFileSync(config, influxConfig(folder, port));
  const api = new InfluxApi(`http://127.0.0.1:${port}`);
  const start = async (): Promise<Daemon> => {
    const server = runServer('INFLUXD', {
      args: ['-config', config],
      logFile: join(folder, 'influxd.log'),
      mounts: { writes: [folder] },
    });
    await server.ready(async () => (await api.ping()) !== '');
    return server;
  };
  let daemon = await start();
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
`;
}
