import { beforeAll, describe, expect, it } from 'vitest';
import { now, series, values } from './support/lines.js';
import { needs } from './support/servers.js';
import { useStack } from './support/stack.js';
import { database, newTask, startTask } from './support/test-task.js';
import { eventually, until } from './support/until.js';

const { missing, title } = needs('A batch UDF on a query of a real Kapacitor to a real InfluxDB', [
  'KAPACITORD',
  'INFLUXD',
]);

describe.skipIf(missing)(title, () => {
  const stack = useStack({ databases: [database] });

  /** Forty points of two hosts, from forty seconds ago on; one of each host is far too high, one far too low. */
  beforeAll(async () => {
    const odd = new Map([
      [7, 99],
      [20, -50.5],
    ]);
    const from = now() - 40_000_000_000n;
    const fields = Array.from({ length: 40 }, (_, index) => {
      const value = odd.get(index) ?? 10 + (index % 5);
      return `value=${value},n=${index}i,text="Nr. ${index}",on=${index % 2 === 0}`;
    });
    const lines = ['a', 'b'].flatMap((host) => series(`noise,host=${host}`, fields, { from }));
    await stack.influx.write(database, lines.join('\n'));
  });

  // These tasks run on until Kapacitor ends: with a query every 100 ms, deleting one could hit a batch on its way, and
  // Kapacitor may crash then (see `startTask`).
  const query = `batch|query('SELECT value, n, text, "on" FROM "telegraf"."autogen"."noise"').groupBy('host')`;

  it('mirrorBatch changes nothing, whatever the types', async () => {
    const task = await newTask(stack.kapacitor, {
      script: `var all = ${query}.period(1h).every(100ms)
        all|httpOut('in')
        all@mirrorBatch()|httpOut('out')`,
    });
    await eventually(() => task.rows('in')).toHaveLength(80);
    await eventually(() => task.rows('out')).toEqual(await task.rows('in'));
  });

  it('outliers finds those of each group, unmodified and in their order', async () => {
    const task = await newTask(stack.kapacitor, {
      script: `${query}.period(1h).every(100ms)@outliers().field('value')|httpOut('out')`,
    });
    await eventually(() => task.columns('out', 'host', 'value', 'n', 'text', 'on')).toEqual([
      ['a', 99, 7, 'Nr. 7', false],
      ['a', -50.5, 20, 'Nr. 20', true],
      ['b', 99, 7, 'Nr. 7', false],
      ['b', -50.5, 20, 'Nr. 20', true],
    ]);
  });

  it('finds nothing in a batch without outliers, and goes on', async () => {
    await stack.influx.write(database, values('calm,host=a', [1, 2, 3, 4, 5], { from: now() }).join('\n'));
    const task = await newTask(stack.kapacitor, {
      script: `batch|query('SELECT value FROM "telegraf"."autogen"."calm"').period(1h).every(50ms)
        @outliers().field('value')|httpOut('out')`,
    });
    const batches = async () => (await task.state()).stats?.['node-stats']?.outliers2?.emitted;
    await eventually(batches).toBeGreaterThan(2);
    expect(await task.rows('out')).toEqual([]);
    expect(await task.state()).toMatchObject({ executing: true, error: '' });
  });

  it('gives the same when the query is recorded and replayed', async () => {
    const { kapacitor, influx } = stack;
    const task = await startTask(kapacitor, {
      script: `${query}.period(1m).every(1m)@outliers().field('value')
        |influxDBOut().database('telegraf').retentionPolicy('autogen').measurement('noise_outliers')`,
      status: 'disabled',
    });
    const end = Date.now();
    const times = [end - 120_000, end].map((time) => new Date(time).toISOString()) as [string, string];
    const recording = await kapacitor.recordBatch(task.id, ...times);
    await until('the recording', async () => (await kapacitor.recording(recording.id)).status === 'finished');
    const replay = await kapacitor.replay({ task: task.id, recording: recording.id, 'recording-time': true });
    await until('the replay', async () => (await kapacitor.replayStatus(replay.id)).status === 'finished');
    const rows = await influx.query('SELECT n, value FROM telegraf.autogen.noise_outliers GROUP BY host');
    expect(rows.map(({ host, n, value }) => [host, n, value])).toEqual([
      ['a', 7, 99],
      ['a', 20, -50.5],
      ['b', 7, 99],
      ['b', 20, -50.5],
    ]);
  });
});
