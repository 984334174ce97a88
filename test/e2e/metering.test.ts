import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { queriesOf } from '../docker/support/dashboard.js';
import { yaml } from '../docker/support/files.js';
import { cliCommand, cliOutput, packageFolder } from './support/cli.js';
import { needs } from './support/servers.js';
import { useStack } from './support/stack.js';
import { database } from './support/test-task.js';
import { until } from './support/until.js';

const { missing, title } = needs(
  'The profile meters of compose.yaml, its commands at a real Kapacitor,',
  ['KAPACITORD', 'INFLUXD'],
  'subscriptions',
);

const { services } = yaml('docker/compose.yaml') as {
  readonly services: Readonly<Record<string, { readonly command?: readonly string[] }>>;
};

describe.skipIf(missing)(title, { timeout: 180_000 }, () => {
  const load = join(packageFolder, 'tickscripts');
  const stack = useStack({ databases: [database], load });

  /** A service's command line, for the servers of this test and for fewer meters. */
  const commandOf = (service: string): string[] =>
    services[service]!.command!.map((word) =>
      word
        .replace('http://kapacitor:9092', stack.kapacitor.url)
        .replace('http://influxdb:8086?db=telegraf', `${stack.influx.url}?db=${database}`)
        .replace('/tickscripts', load)
        .replace('${METERS:-1000}', '30'),
    );

  /** Runs a service that goes on in real time, until the test is over. */
  const start = (service: string): void => {
    const [node, script] = cliCommand();
    const child = spawn(node, [script, ...commandOf(service)], { stdio: ['ignore', 'ignore', 'inherit'] });
    onTestFinished(async () => {
      if (child.exitCode === null) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
    });
  };

  /** The answer to a dashboard's query; whether a meter is about to leave its band now is up to the day. */
  const rowsOf = (statement: string): Promise<readonly Record<string, unknown>[]> =>
    stack.influx.query(
      statement
        .replace(`"next_hour" = 'outside'`, `"next_hour" = 'inside'`)
        .replace('$timeFilter', 'time > now() - 7d AND time < now() + 1d')
        .replace('$meter', 'office')
        .replace('$__interval', '1h'),
      database,
    );

  beforeAll(async () => {
    await until('the tasks run', async () => {
      const tasks = await stack.kapacitor.tasks();
      return tasks.length > 10 && tasks.every(({ executing }) => executing);
    });
    expect(cliOutput(...commandOf('predictions'))).toContain('voltage-next-hour');
  }, 60_000);

  it('leads from made-up data to totals, forecasts and predictions in every panel of the dashboard', async () => {
    start('building');
    start('meters');
    const queries = queriesOf('docker/grafana/dashboards/forecasts.json');
    const found = new Map<string, readonly Record<string, unknown>[]>();
    for (const { panel, statement, measurement } of queries) {
      const name = `${panel}: ${measurement}`;
      const answered = async (): Promise<boolean> => {
        found.set(name, await rowsOf(statement));
        // InfluxDB may show a point while it is being written, before all of its fields are there.
        return found.get(name)!.length > 0 && found.get(name)!.every(({ outside }) => outside !== null);
      };
      await until(`${name} has an answer`, answered, { within: 120_000, every: 500 });
    }
    expect([...found.keys()]).toEqual([
      'Load, and as it was forecast a day before: meter',
      'Load, and as it was forecast a day before: load_forecast',
      'Newest forecasts: load_forecast',
      'Energy by day: energy',
      'Totals, one by one: energy',
      'Will voltage leave its band in the next hour?: voltage_next_hour',
      'Meters that will: voltage_next_hour',
      '$meter: meter',
    ]);
    const [forecast] = found.get('Newest forecasts: load_forecast')!;
    expect(forecast).toMatchObject({
      forecast: expect.any(Number) as number,
      error: expect.any(Number) as number,
      method: expect.stringMatching(/^(seasonalNaive|smoothing|regression|blend)$/) as string,
    });
    const [bands] = found.get('Load, and as it was forecast a day before: load_forecast')!;
    const { lower95, lower80, forecast: kw, upper80, upper95 } = bands as Record<string, number>;
    const ordered = [lower95!, lower80!, kw!, upper80!, upper95!];
    expect(ordered).toEqual([...ordered].sort((a, b) => a - b));
    for (const { kwh } of found.get('Energy by day: energy')!) expect(kwh).toBeGreaterThan(50);
    for (const { outside } of found.get('Meters that will: voltage_next_hour')!)
      expect(outside).toBeLessThan(0.5);
  });
});
