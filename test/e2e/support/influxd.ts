import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Daemon, freePort } from './daemon.js';
import { InfluxApi } from './influx-api.js';
import { runServer } from './run-server.js';

/** An InfluxDB with a folder of its own, on the loopback interface. */
export interface Influxd {
  readonly api: InfluxApi;
  readonly daemon: Daemon;
}

export async function startInfluxd(folder: string): Promise<Influxd> {
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const config = join(folder, 'influxdb.conf');
  writeFileSync(config, influxConfig(folder, port));
  const daemon = runServer('INFLUXD', {
    args: ['-config', config],
    logFile: join(folder, 'influxd.log'),
    mounts: { writes: [folder] },
  });
  const api = new InfluxApi(`http://127.0.0.1:${port}`);
  await daemon.ready(async () => (await api.ping()) !== '');
  return { api, daemon };
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
