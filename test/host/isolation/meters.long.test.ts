import { expect, onTestFinished, test } from 'vitest';
import type { Point } from '../../../src/model/point.js';
import { optionCalls } from '../../../src/peer/options.js';
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

const uses: readonly (readonly [name: string, definition: UdfDefinition, options: string])[] = [
  [
    'mortalForecast',
    forecast,
    ".field('kw').minHistory(10d).minNew(3).horizon(1h).horizon(24h).method('seasonalNaive').method('smoothing')",
  ],
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

test.each(uses)(
  'workers of %s that end in the middle of points change nothing of what it emits',
  async (name, definition, options) => {
    process.env.TIMED_DIR = tempDir();
    onTestFinished(() => {
      delete process.env.TIMED_DIR;
    });
    const udfs = await isolatedUdfs(module);
    // Internal snapshots come often, so that workers begin in all parts of the stream.
    const { agent, kapacitor } = isolatedInMemory(udfs.get(name)!, { limits: { journalBytes: 8 * 1024 } });
    await kapacitor.init(options);
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
    await kapacitor.init(optionCalls(uses[2]![2], undefined));
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
