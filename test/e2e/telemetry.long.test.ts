import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKapacitorPeer } from '../../src/peer/kapacitor-peer.js';
import { dialUnix } from '../../src/transport/dial-unix.js';
import { queriesOf } from '../docker/support/dashboard.js';
import { serve } from '../support/spawn-cli.js';
import { tempDir } from '../support/temp-dir.js';
import { type Influxd, startInfluxd } from './support/influxd.js';
import { needs } from './support/servers.js';
import { until } from './support/until.js';

const { missing, title } = needs('The telemetry in a real InfluxDB', ['INFLUXD']);

describe.skipIf(missing)(title, { timeout: 60_000 }, () => {
  let influx: Influxd;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ku-'));
    influx = await startInfluxd(folder);
    await influx.api.createDatabase('udf');
  }, 60_000);
  afterAll(async () => {
    await influx.daemon.stop();
    rmSync(folder, { recursive: true, force: true });
  }, 30_000);

  it('answers every query of the dashboard about the host, and names task and node', async () => {
    const directory = tempDir();
    await serve([
      'movingAverage',
      '--socket-dir',
      directory,
      '--telemetry',
      influx.api.target('udf'),
      '--telemetry-interval',
      '200ms',
      '--dead-letter',
      join(directory, 'letters'),
      '--state-dir',
      join(directory, 'states'),
      '--state-interval',
      '200ms',
    ]);
    const kapacitor = createKapacitorPeer(await dialUnix(join(directory, 'movingAverage.sock')));
    await kapacitor.init(".field('v').size(10)");
    await kapacitor.snapshot();
    // What is a difference needs reports of several seconds.
    for (let second = 0; second < 3; second++) {
      for (let time = 1n; time <= 10n; time++) kapacitor.point({ time, name: 'cpu', fields: { v: 1 } });
      await sleep(1_000);
    }
    const queries = queriesOf('docker/grafana/dashboards/router.json').filter(
      ({ source }) => source === 'udf',
    );
    expect(queries.length).toBeGreaterThan(20);
    for (const { panel, statement } of queries) {
      const query = statement
        .replace('$timeFilter', 'time > 0')
        .replace('$task', '.*')
        .replace('$__interval', '1s');
      await until(`${panel}: ${query}`, async () => (await influx.api.query(query, 'udf')).length > 0, {
        within: 20_000,
      });
    }
    const uses = await influx.api.query(
      'SELECT last("points_in") FROM "kapacitor_udf_use" GROUP BY "udf", "task", "node"',
      'udf',
    );
    expect(uses).toMatchObject([{ udf: 'movingAverage', task: 'test', last: 30 }]);
    await kapacitor.stop();
  });
});
