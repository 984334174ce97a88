import { readdirSync } from 'node:fs';
import { join, parse } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { queriesOf } from '../docker/support/dashboard.js';
import { adslChanges, adslLines } from './support/adsl.js';
import { packageFolder } from './support/cli.js';
import { ComposeStack, hasGrafana, missingForCompose } from './support/compose.js';
import { docker, inspect } from './support/docker.js';
import { howToPull } from './support/image.js';
import { InfluxApi } from './support/influx-api.js';
import { until } from './support/until.js';
import { KapacitorApi } from '../../src/kapacitor/api.js';

const missing = missingForCompose();
const how = howToPull(missing, 'INFLUXDB_IMAGE, KAPACITOR_IMAGE, NODE_IMAGE and BUILD_IMAGE');
if (missing.length > 0) console.warn(`test/e2e/compose.test.ts is skipped: ${how}`);
else if (!hasGrafana()) console.warn('test/e2e/compose.test.ts runs without Grafana: its image is not there');
const title = `The stack of docker/compose.yaml${missing.length > 0 ? ` (skipped: ${how})` : ''}`;

const tasks = readdirSync(join(packageFolder, 'tickscripts/tasks')).map((file) => parse(file).name);
const minute = 60_000;

describe.skipIf(missing.length > 0)(title, { timeout: 4 * minute }, () => {
  let stack: ComposeStack;
  let influx: InfluxApi;
  let kapacitor: KapacitorApi;
  let routers = 0;

  beforeAll(async () => {
    stack = await ComposeStack.create();
    influx = new InfluxApi(stack.influxUrl);
    kapacitor = new KapacitorApi(stack.kapacitorUrl);
    await stack.up();
    // The demo hands a day to Kapacitor at once, and only once: a test that kills Kapacitor may not come before that.
    await until('the demo router has changed', async () => (await demoChanges()).length > 1, {
      within: 2 * minute,
      every: 500,
    });
  }, 10 * minute);
  afterAll(() => stack.down('--volumes'), minute);
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') process.stderr.write(`${await stack.run('logs', '--tail', '30')}\n`);
  });

  /** The changes that a task has written of a router. */
  const changes = (router: string) =>
    influx.query(`SELECT value FROM telegraf.autogen.adsl_edges WHERE host = '${router}'`);

  /** Those of the router that there is not, whose data the stack makes by itself. */
  const demoChanges = async () => {
    const rows = await influx.query(`SELECT host, value, was FROM telegraf.autogen.adsl_edges`);
    return rows.filter(({ host }) => !String(host).startsWith('test-'));
  };

  /** Writes the seventeen records of a new router, and waits for its six changes. Its name is returned. */
  const showsChanges = async (): Promise<string> => {
    const router = `test-${++routers}`;
    const expected = adslChanges.map(({ time, value }) => ({ time, value }));
    await until(
      `the changes of ${router} are written`,
      async () => {
        await influx.write('telegraf', adslLines.join('\n').replaceAll('router1', router));
        const found = await changes(router);
        return found.length >= expected.length;
      },
      // Until Kapacitor's subscription is there, InfluxDB hands it nothing: so they are written more than once.
      { within: 2 * minute, every: 3_000 },
    );
    expect(await changes(router)).toEqual(expected);
    return router;
  };

  /** Waits until a service is what its health check calls healthy. */
  const healthy = (service: string): Promise<unknown> =>
    until(
      `${service} is healthy`,
      async () => (await inspect(await stack.container(service), '.State.Health.Status')) === 'healthy',
      { within: 2 * minute, every: 250 },
    );

  it('shows the changes of the demo router in InfluxDB, with nothing edited', async () => {
    const found = await demoChanges();
    expect(found.length).toBeGreaterThan(1);
    for (const { value, was } of found) expect(value).not.toBe(was);
  });

  it('runs every task of tickscripts', async () => {
    const defined = await kapacitor.tasks();
    expect(defined.map(({ id }) => id).sort()).toEqual([...tasks].sort());
    for (const task of defined) expect(task).toMatchObject({ status: 'enabled', executing: true, error: '' });
  });

  it('keeps six of the seventeen ADSL records', async () => {
    await showsChanges();
  });

  it('shows the figures of the host itself', async () => {
    await until(
      'telemetry has come, with the uses of edgeDetect in tasks',
      async () => {
        const [row] = await influx.query(
          `SELECT last(connections) AS connections FROM udf.autogen.kapacitor_udf WHERE udf = 'edgeDetect'`,
        );
        return Number(row?.connections) > 0;
      },
      { within: minute, every: 500 },
    );
  });

  it('answers every query of the dashboard', async () => {
    for (const { panel, source, statement } of queriesOf('docker/grafana/dashboards/router.json')) {
      const query = statement
        .replace('$timeFilter', 'time > 0')
        .replace('$router', '.*')
        .replace('$task', '.*')
        .replace('$__interval', '10s');
      // Outliers there need not be; what is a difference needs two reports of the host.
      const mayBeEmpty = /outliers|non_negative/.test(query);
      await until(
        `${panel}: ${query}`,
        async () => mayBeEmpty || (await influx.query(query, source)).length > 0,
        { within: 2 * minute, every: 500 },
      );
      await expect(influx.query(query, source)).resolves.toBeDefined();
    }
  });

  it('is reached on the loopback interface only', async () => {
    const ports = await stack.run('ps', '--format', '{{.Ports}}');
    const addresses = [...ports.matchAll(/(\S+):\d+->/g)].map(([, address]) => address);
    expect(new Set(addresses)).toEqual(new Set(['127.0.0.1']));
  });

  it('keeps every container of the host and of Kapacitor from being root', async () => {
    for (const service of ['udf', 'kapacitor']) {
      const id = await docker('exec', await stack.container(service), 'id', '-u');
      expect(Number(id), service).toBeGreaterThan(0);
    }
  });

  it.each(['udf', 'kapacitor'])(
    'goes on by itself after %s was killed and started again',
    async (service) => {
      const container = await stack.container(service);
      await docker('kill', container);
      await docker('start', container);
      await showsChanges();
    },
  );

  it('is there again with its data after it was taken down and up', async () => {
    const router = await showsChanges();
    await stack.down();
    await stack.up();
    for (const service of ['influxdb', 'udf', 'kapacitor']) await healthy(service);
    expect(await changes(router)).toHaveLength(adslChanges.length);
    await showsChanges();
  });
});
