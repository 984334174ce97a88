import { readdirSync, readFileSync } from 'node:fs';
import { join, parse } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { queriesOf } from '../docker/support/dashboard.js';
import { taskVar } from '../support/task-var.js';
import { adslChanges, adslLines } from './support/adsl.js';
import { epoch, now, series, values } from './support/lines.js';
import { needs } from './support/servers.js';
import { useStack } from './support/stack.js';
import { database, retentionPolicy, TestTask } from './support/test-task.js';
import { eventually, until } from './support/until.js';

const { missing, title } = needs(
  'The TICKscripts of this package, loaded by a real Kapacitor,',
  ['KAPACITORD', 'INFLUXD'],
  'subscriptions',
);

const folder = fileURLToPath(new URL('../../tickscripts', import.meta.url));
const tasks = readdirSync(join(folder, 'tasks')).map((file) => parse(file).name);

/** Each state as many times as the number says. */
const repeated = (...runs: readonly (readonly [state: string, count: number])[]): string[] =>
  runs.flatMap(([state, count]) => Array.from({ length: count }, () => state));

const minute = 60_000_000_000n;

/** Orders lines by their times, of equally many digits. */
const byTime = (a: string, b: string): number => a.slice(-19).localeCompare(b.slice(-19));

let handlers = 0;

/** An alert as Kapacitor's `log` handler writes it. */
interface Alert {
  readonly id: string;
  readonly level: string;
  readonly message: string;
  readonly time: string;
}

describe.skipIf(missing)(title, () => {
  const stack = useStack({ databases: [database], load: folder });

  beforeAll(async () => {
    // Kapacitor answers before it has loaded them all.
    await until('all tasks run', async () => {
      const running = (await stack.kapacitor.tasks()).filter(({ executing }) => executing);
      return running.length === tasks.length;
    });
  });

  const query = (fields: string, measurement: string, host: string) =>
    stack.influx.query(`SELECT ${fields} FROM telegraf.autogen.${measurement} WHERE host = '${host}'`);

  /** Writes to InfluxDB, which hands it on to Kapacitor. */
  const write = (lines: readonly string[]) => stack.influx.write(database, lines.join('\n'));

  /** What comes into a topic from now on, of ids that contain some text. */
  const alertsOf = async (topic: string, text: string): Promise<() => Pick<Alert, 'level' | 'message'>[]> => {
    const id = `log-${++handlers}`;
    const path = join(stack.folder, `${id}.jsonl`);
    await stack.kapacitor.createHandler(topic, { id, kind: 'log', options: { path } });
    onTestFinished(() => stack.kapacitor.deleteHandler(topic, id));
    return () =>
      readFileSync(path, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Alert)
        .filter((alert) => alert.id.includes(text))
        .map(({ level, message }) => ({ level, message }));
  };

  it('all run', async () => {
    for (const task of await stack.kapacitor.tasks()) {
      expect(task).toMatchObject({ status: 'enabled', executing: true, error: '' });
    }
    expect(tasks.length).toBeGreaterThan(6);
  });

  it('adsl-edges writes six of the seventeen ADSL records to a measurement of their own', async () => {
    await write(adslLines);
    await eventually(() => query('value', 'adsl_edges', 'router1')).toEqual(
      adslChanges.map(({ time, value }) => ({ time, value })),
    );
    const [first, second] = await query('value, was, lasted, polls', 'adsl_edges', 'router1');
    expect(first).toMatchObject({ value: 'SHOWTIME', was: null, lasted: null, polls: null });
    expect(second).toMatchObject({ value: 'TRAINING', was: 'SHOWTIME', lasted: 90.005, polls: 1 });
  });

  it('adsl-training-alert alerts on TRAINING that lasts, and on recovery', async () => {
    const alerts = await alertsOf('adsl', 'router2');
    const states = repeated(
      ['SHOWTIME', 10],
      ['TRAINING', 1],
      ['SHOWTIME', 2],
      ['TRAINING', 6],
      ['SHOWTIME', 8],
    );
    await write(values('adsl_connection,host=router2', states, { every: 90 }));
    await eventually(alerts).toEqual([
      {
        level: 'CRITICAL',
        message: 'ADSL line of router2: TRAINING since 2018-01-03 11:49:30 UTC, after 20 min of SHOWTIME',
      },
      {
        level: 'OK',
        message: 'ADSL line of router2: SHOWTIME since 2018-01-03 11:58:30 UTC, after 9 min of TRAINING',
      },
    ]);
  });

  it('adsl-flapping, from the template flapping, alerts on too many changes, and when it is calm again', async () => {
    const alerts = await alertsOf('adsl', 'adsl-flapping host=router3');
    const flap = repeated(['TRAINING', 1], ['SHOWTIME', 1]);
    const flaps = [...repeated(['SHOWTIME', 5]), ...flap, ...flap, ...flap, ...repeated(['SHOWTIME', 40])];
    await write(values('adsl_connection,host=router3', flaps, { every: 60 }));
    await eventually(alerts).toEqual([
      { level: 'WARNING', message: 'adsl-flapping host=router3: 6 changes lately' },
      { level: 'OK', message: 'adsl-flapping host=router3: 5 changes lately, calm again' },
    ]);
  });

  it('noise-margin-average writes the moving average beside the raw value', async () => {
    await write(
      series('noise_margin,host=router1', ['down=6,up=1i', 'down=9,up=2i', 'down=3,up=3i'], { every: 360 }),
    );
    await eventually(() => query('down, up, down_average', 'noise_margin_average', 'router1')).toEqual([
      { time: '2018-01-03T11:30:00Z', down: 6, up: 1, down_average: 6 },
      { time: '2018-01-03T11:36:00Z', down: 9, up: 2, down_average: 7.5 },
      { time: '2018-01-03T11:42:00Z', down: 3, up: 3, down_average: 6 },
    ]);
  });

  it('noise-margin-outliers writes the outliers of the last hour', async () => {
    const margins = Array.from({ length: 30 }, (_, index) => (index === 12 ? 0.5 : 6 + (index % 4) / 10));
    const lines = series(
      'noise_margin,host=router4',
      margins.map((down) => `down=${down}`),
      {
        from: now() - 40n * minute,
        every: 60,
      },
    );
    await write(lines);
    const task = 'noise-margin-outliers';
    await stack.kapacitor.updateTask(task, { vars: { every: taskVar.duration('200ms') } });
    await new TestTask(stack.kapacitor, task).restart();
    await eventually(() => query('down', 'noise_margin_outliers', 'router4')).toEqual([
      expect.objectContaining({ down: 0.5 }),
    ]);
  });

  it('meter-totals writes the days and months of a meter, over a change of the clock', async () => {
    const recording = new URL('../../udfs/calendar-totals/recordings/meter.lp', import.meta.url);
    const readings = readFileSync(recording, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(/wh=(\d+)i/, (_, wh: string) => `kwh=${Number(wh) / 1000}`));
    await write(readings);
    const totals = (period: string) =>
      stack.influx.query(
        'SELECT kwh, peak_kw, expected, partial, revision FROM telegraf.autogen.energy ' +
          `WHERE meter = 'house' AND period = '${period}' AND partial = false`,
      );
    await eventually(() => totals('day')).toEqual([
      {
        time: '2024-03-29T23:00:00Z',
        kwh: expect.closeTo(21.087, 9) as number,
        peak_kw: 2.187,
        expected: 96,
        partial: false,
        revision: 0,
      },
      {
        time: '2024-03-30T23:00:00Z',
        kwh: expect.closeTo(20.3, 9) as number,
        peak_kw: 2.192,
        expected: 92, // of 23 hours
        partial: false,
        revision: 0,
      },
    ]);
    await eventually(() => totals('month')).toMatchObject([
      { time: '2024-02-29T23:00:00Z', kwh: expect.closeTo(41.387, 9) as number, expected: 2972 },
    ]);
    await write(['meter,meter=house kwh=0.613,kw=9.5 1711843200000000000']); // of the gap
    await eventually(() => totals('month')).toMatchObject([
      { kwh: expect.closeTo(42, 9) as number, peak_kw: 9.5, revision: 1 },
    ]);
  });

  /** A smart meter on a transformer of its own, with a voltage each minute. */
  const voltages = (meter: string, transformer: string, volts: readonly number[]): string[] =>
    series(
      `electricity,line=${transformer}-1,meter=${meter},transformer=${transformer}`,
      volts.map((voltage) => `voltage=${voltage},power=300`),
      { every: 60 },
    );

  it('load-forecast-batch writes a forecast of each horizon, which is a tag', async () => {
    const hour = 60n * minute;
    const present = now();
    const thisHour = present - (present % hour);
    const loads = Array.from({ length: 4 * 50 }, () => 'kw=4');
    await write(series('meter,meter=office', loads, { from: thisHour - 50n * hour, every: 900 }));
    const task = 'load-forecast-batch';
    await stack.kapacitor.updateTask(task, {
      vars: { every: taskVar.duration('200ms'), minHistory: taskVar.duration('2d') },
    });
    await new TestTask(stack.kapacitor, task).restart();
    const forecasts = async () =>
      new Map(
        (
          await stack.influx.query(
            'SELECT forecast, error, horizon, meter FROM telegraf.autogen.load_forecast_batch',
          )
        ).map((row) => [row.horizon, row]),
      );
    const forecast = (ahead: bigint) => ({
      time: new Date(Number((thisHour + (ahead - 1n) * hour) / 1_000_000n)).toISOString().replace('.000', ''),
      forecast: 4,
      error: 0,
      meter: 'office',
    });
    await eventually(forecasts).toEqual(
      new Map([
        ['1h', { ...forecast(1n), horizon: '1h' }],
        ['6h', { ...forecast(6n), horizon: '6h' }],
        ['1d', { ...forecast(24n), horizon: '1d' }],
      ]),
    );
    expect(await stack.influx.query('SHOW TAG KEYS ON telegraf FROM load_forecast_batch')).toEqual([
      { tagKey: 'horizon' },
      { tagKey: 'meter' },
    ]);
  });

  it('voltage-max writes the highest voltage of each minute and transformer, with its meter', async () => {
    await write(
      [...voltages('m1', 't001', [230, 231, 232]), ...voltages('m2', 't001', [229, 235, 228])].sort(byTime),
    );
    await eventually(() =>
      stack.influx.query(`SELECT * FROM telegraf.autogen.voltage_max WHERE transformer = 't001'`),
    ).toEqual([
      { time: '2018-01-03T11:30:00Z', line: 't001-1', meter: 'm1', transformer: 't001', voltage: 230 },
      { time: '2018-01-03T11:31:00Z', line: 't001-1', meter: 'm2', transformer: 't001', voltage: 235 },
    ]);
  });

  it('voltage-alert alerts on voltages that stay out of the band, and keeps the alerts', async () => {
    const alerts = await alertsOf('meters', 'm3');
    const volts = [
      ...Array<number>(2).fill(230),
      ...Array<number>(7).fill(259),
      ...Array<number>(7).fill(240),
    ];
    await write(voltages('m3', 't002', volts));
    await eventually(alerts).toEqual([
      {
        level: 'CRITICAL',
        message: 'over-voltage at m3 (line t002-1): 259.0 V, since 2018-01-03 11:32:00 UTC',
      },
      {
        level: 'OK',
        message: 'over-voltage at m3 (line t002-1): back in the band, since 2018-01-03 11:39:00 UTC',
      },
    ]);
    await eventually(() =>
      stack.influx.query(`SELECT kind, level, voltage FROM telegraf.autogen.meter_alerts WHERE meter = 'm3'`),
    ).toEqual([
      { time: '2018-01-03T11:32:00Z', kind: 'over-voltage', level: 'CRITICAL', voltage: 259 },
      { time: '2018-01-03T11:39:00Z', kind: 'over-voltage', level: 'OK', voltage: 240 },
    ]);
  });

  it('the dashboard of smart meters shows what the tasks about them write', async () => {
    const volts = [...Array<number>(2).fill(230), ...Array<number>(8).fill(261)];
    await write(voltages('m5', 't004', volts));
    const rowsOf = async (statement: string): Promise<readonly Record<string, unknown>[]> => {
      const query = statement
        .replace('$timeFilter', "time >= '2018-01-03T11:30:00Z' AND time < '2018-01-03T11:40:00Z'")
        .replace('$transformer', 't004')
        .replace('$__interval', '5m');
      return stack.influx.query(query, database);
    };
    const panels = new Map(
      queriesOf('docker/grafana/dashboards/meters.json').map(({ panel, statement }) => [panel, statement]),
    );
    const shown = (panel: string) => eventually(() => rowsOf(panels.get(panel)!));
    await shown('Max voltage by transformer').toEqual([
      { time: '2018-01-03T11:30:00Z', transformer: 't004', max: 261 },
      { time: '2018-01-03T11:35:00Z', transformer: 't004', max: 261 },
    ]);
    await shown('Highest in this time').toMatchObject([{ transformer: 't004', max: 261 }]);
    await shown('Meters that report').toMatchObject([{ count: 1 }]);
    const eachMinute = Array.from({ length: 10 }, () => expect.objectContaining({ count: 1 / 60 }) as object);
    await shown('Rate of all injectors').toEqual(eachMinute);
    await shown('Rate by transformer').toEqual(eachMinute);
    await shown('Alerts').toEqual([
      { time: '2018-01-03T11:30:00Z', kind: 'over-voltage', count: 1 },
      { time: '2018-01-03T11:35:00Z', kind: 'over-voltage', count: 0 },
    ]);
    await shown('Alerts, one by one').toMatchObject([
      {
        kind: 'over-voltage',
        level: 'CRITICAL',
        meter: 'm5',
        line: 't004-1',
        transformer: 't004',
        voltage: 261,
      },
    ]);
    await shown('$transformer').toContainEqual(expect.objectContaining({ value: 't004' }));
    expect([...panels.keys()]).toHaveLength(8); // all of them
  });

  it('meter-silence alerts by the time of day, though no meter reports any more', async () => {
    const alerts = await alertsOf('meters', 'silence of m4');
    const task = new TestTask(stack.kapacitor, 'meter-silence');
    await stack.kapacitor.updateTask(task.id, { vars: { after: taskVar.duration('1s') } });
    await task.restart();
    await write(voltages('m4', 't003', [230]));
    await eventually(alerts).toEqual([
      { level: 'CRITICAL', message: 'silence of m4 (line t003-1): nothing since its last report' },
    ]);
    await write(voltages('m4', 't003', [230, 231]).slice(1));
    await eventually(() => alerts().slice(0, 2)).toMatchObject([
      { level: 'CRITICAL' },
      { level: 'OK', message: 'silence of m4 (line t003-1): it reports again' },
    ]);
  });

  it('mirror-smoke-test shows the last point', async () => {
    await stack.kapacitor.write(database, retentionPolicy, `smoke_test,host=a value=42 ${epoch}`);
    const task = new TestTask(stack.kapacitor, 'mirror-smoke-test');
    await eventually(() => task.rows('last')).toContainEqual({
      time: '2018-01-03T11:30:00Z',
      host: 'a',
      value: 42,
    });
  });

  it('mirror-batch-smoke-test shows the last batch', async () => {
    await write(values('smoke_test,host=b', [1, 2], { from: now() }));
    const task = new TestTask(stack.kapacitor, 'mirror-batch-smoke-test');
    await stack.kapacitor.updateTask(task.id, { vars: { every: taskVar.duration('200ms') } });
    await task.restart();
    await eventually(() => task.columns('last', 'host', 'value')).toEqual([
      ['b', 1],
      ['b', 2],
    ]);
  });
});
