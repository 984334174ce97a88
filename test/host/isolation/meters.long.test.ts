import { inspect } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import type { Point } from '../../../src/model/point.js';
import { optionCalls } from '../../../src/peer/options.js';
import { runUdf } from '../../../src/testkit/run.js';
import type { UdfDefinition } from '../../../src/udf/definition.js';
import calendarTotals from '../../../udfs/calendar-totals/calendar-totals.js';
import forecast from '../../../udfs/forecast/forecast.js';
import predict from '../../../udfs/predict/predict.js';
import { stdioKinds } from '../../support/stdio-cli.js';
import { isolatedInMemory, isolatedUdfs } from '../../support/isolated.js';
import { tempDir } from '../../support/temp-dir.js';
import { pointRequest } from '../../support/udf-messages.js';
import { outputOf } from '../../support/udf-runs.js';

const module = new URL('modules/mortal-meters.mjs', import.meta.url);
const hour = 3_600_000_000_000n;
const start = 1_717_372_800_000_000_000n; // 2024-06-03T00:00Z
const meters = 3;
const hours = 16 * 24;

const forecastOptions =
  ".field('kw').minHistory(10d).minNew(3).horizon(1h).horizon(24h).method('seasonalNaive').method('smoothing')";

const uses: readonly (readonly [name: string, definition: UdfDefinition, options: string])[] = [
  [
    'mortalTotals',
    calendarTotals,
    ".by('day').zone('Europe/Berlin').interval(1h).sum('kw', 'kwh').mean('kw', 'kw').last('kw', 'last').keep(2d).every(6h)",
  ],
  [
    'mortalPredict',
    predict,
    ".model('voltage').feature('voltage').feature('hour_mean').feature('hourSin').feature('hourCos').feature('isWeekend').as('next_hour').probability('outside', 'outside')",
  ],
];

interface Reading {
  readonly name: string;
  readonly time: bigint;
  readonly group: string;
  readonly dimensions: string[];
  readonly tags: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, number>>;
}

/** Hours of three meters. Of every 400 points one is to end the worker; some points come a day late. */
function readings(): Reading[] {
  return Array.from({ length: hours * meters }, (_, number) => {
    const meter = `m${number % meters}`;
    const index = Math.floor(number / meters) - (number % 67 === 66 ? 24 : 0);
    const kw = 5 + 2 * Math.sin((2 * Math.PI * index) / 24) + ((number * 7919) % 13) / 10;
    return {
      name: 'meter',
      time: start + BigInt(index) * hour,
      group: `meter=${meter}`,
      dimensions: ['meter'],
      tags: { meter, ...(number % 400 === 299 && { die: `at${number}` }) },
      fields: { kw, voltage: 215 + 6 * kw, hour_mean: 216 + 5.5 * kw },
    };
  });
}

const deaths = readings().filter(({ tags }) => tags.die !== undefined).length;

const shown = (points: readonly Point[]): unknown[] =>
  points.map(({ time, group, tags, fields }) => [time, group, tags, fields]);

/** A use in workers, with a file system for what may happen once. Internal snapshots come often: workers begin in all parts. */
async function mortalUse(name: string, options: string) {
  process.env.TIMED_DIR = tempDir();
  onTestFinished(() => {
    delete process.env.TIMED_DIR;
  });
  const udfs = await isolatedUdfs(module);
  const use = isolatedInMemory(udfs.get(name)!, { limits: { journalBytes: 8 * 1024 } });
  await use.kapacitor.init(options);
  return use;
}

test('workers of forecast that end between and in forecasts change nothing of what it emits', async () => {
  const { agent, kapacitor } = await mortalUse('mortalForecast', forecastOptions);
  const reference = await runUdf(forecast, { options: forecastOptions });
  for (const reading of readings()) {
    kapacitor.point(reading);
    await reference.send(reading);
    // A forecast that is still queued would be superseded by the next one of its meter.
    await kapacitor.received({ points: reference.points.length });
  }
  const { points } = await kapacitor.stop();
  await agent.closed;
  expect(agent.stats.restarts.exit).toBeGreaterThan(deaths + 3);
  expect(agent.stats.counters.superseded).toBeUndefined();
  expect(shown(points)).toEqual(shown((await reference.stop()).points));
  expect(points.length).toBeGreaterThan(200);
}, 240_000);

test('with all input at once, workers of forecast that end lose no last forecast and repeat none', async () => {
  const { agent, kapacitor } = await mortalUse('mortalForecast', forecastOptions);
  const inTime = readings().filter((_, number) => number % 67 !== 66); // a late point changes forecasts that wait
  for (const reading of inTime) kapacitor.point(reading);
  const { points } = await kapacitor.stop();
  await agent.closed;
  expect(agent.stats.restarts.exit).toBeGreaterThanOrEqual(deaths - 1);
  const expected = shown((await outputOf(forecast, forecastOptions, inTime)).points).map((point) =>
    inspect(point),
  );
  const emitted = shown(points).map((point) => inspect(point));
  expect(new Set(emitted).size).toBe(emitted.length);
  expect(expected).toEqual(expect.arrayContaining(emitted));
  // Of each meter, at two horizons.
  expect(emitted).toEqual(expect.arrayContaining(expected.slice(-2 * meters)));
}, 120_000);

test.each(uses)(
  'workers of %s that end in the middle of points change nothing of what it emits',
  async (name, definition, options) => {
    const { agent, kapacitor } = await mortalUse(name, options);
    for (const point of readings()) kapacitor.point(point);
    const { points } = await kapacitor.stop();
    await agent.closed;
    expect(agent.stats.restarts).toEqual({ exit: deaths });
    const expected = await outputOf(definition, options, readings());
    expect(shown(points)).toEqual(shown(expected.points));
    expect(points.length).toBeGreaterThan(40);
  },
  120_000,
);

test.each([{ flags: [] }, { flags: ['--isolate'] }])(
  'predict scores as a child process, $flags',
  async ({ flags }) => {
    const { cli, kapacitor } = stdioKinds.pipes(['predict', ...flags]);
    await kapacitor.init(optionCalls(uses[1]![2], undefined));
    const sent = readings().slice(0, 100);
    kapacitor.send(...sent.map(pointRequest));
    await kapacitor.end();
    expect(kapacitor.points.map(({ time, group }) => [time, group])).toEqual(
      sent.map(({ time, group }) => [time, group]),
    );
    for (const { fields } of kapacitor.points) {
      expect(['inside', 'outside']).toContain(fields.next_hour);
      expect(fields.outside).toBeGreaterThan(0);
    }
    expect(await cli.ended).toMatchObject({ code: 0 });
  },
);
