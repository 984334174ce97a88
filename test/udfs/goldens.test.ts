import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { formatOfName } from '../../src/recording/format.js';
import { openRecording } from '../../src/recording/open.js';
import { replay } from '../../src/replay/replay.js';
import { bundledUdfs } from '../../udfs/index.js';
import { written } from '../support/recording-files.js';
import type { RecordedItem } from '../../src/recording/format.js';

const folder = fileURLToPath(new URL('../../udfs/', import.meta.url));

/** UDF, its folder, a recording in it, how a TICKscript calls it, and the file of what it must emit. */
const goldens = [
  [
    'calendarTotals',
    'calendar-totals',
    'meter.lp',
    ".by('day').zone('Europe/Berlin').interval(15m).sum('wh', 'wh').max('kw', 'peak_kw').count('wh', 'intervals')",
    'days.golden.lp',
  ],
  [
    'calendarTotals',
    'calendar-totals',
    'meter.lp',
    ".by('hour').zone('Australia/Lord_Howe').maxGap(20m).integral('kw', 'kwh').mean('kw', 'kw')",
    'hours.golden.lp',
  ],
  [
    'calendarTotals',
    'calendar-totals',
    'meter.lp',
    ".by('month').zone('Asia/Kathmandu').interval(15m).stamp('end').split().sum('wh', 'wh').every(1d).keep(7d)",
    'months.golden.lp',
  ],
  ['edgeDetect', 'edge-detect', 'kapacitor-1.5.7-adsl.srpl', ".field('value')", 'changes.golden.lp'],
  [
    'edgeDetect',
    'edge-detect',
    'adsl.lp',
    ".field('value').previousAs('was').durationAs('lasted').unit(1m).countAs('points')",
    'durations.golden.lp',
  ],
  [
    'edgeDetect',
    'edge-detect',
    'two-routers.lp',
    ".field('value').previousAs('was').newAs('is_new').silentAfter(15m).silentAs('is_silent')",
    'silences.golden.lp',
  ],
  [
    'edgeDetect',
    'edge-detect',
    'two-routers.lp',
    ".field('value').totalsEvery(1h).totalAs('minutes').unit(1m).stateTag('state')",
    'totals.golden.lp',
  ],
  [
    'edgeDetect',
    'edge-detect',
    'voltage.lp',
    ".field('voltage').above(253.0).hysteresis(2.0).hold(10m).as('state').durationAs('minutes').unit(1m)",
    'over-voltage.golden.lp',
  ],
  [
    'edgeDetect',
    'edge-detect',
    'voltage.lp',
    ".field('voltage').above(209.0).hysteresis(2.0).hold(10m).as('state').previousAs('was')",
    'under-voltage.golden.lp',
  ],
  ['edgeDetect', 'edge-detect', 'voltage.lp', ".tag('line').silentAfter(15m)", 'silence.golden.lp'],
  [
    'forecast',
    'forecast',
    'load.lp',
    ".field('kw').zone('Europe/Berlin').horizon(1h).horizon(24h).minNew(12).method('seasonalNaive').method('smoothing')",
    'load.golden.lp',
  ],
  [
    'forecastBatch',
    'forecast-batch',
    'load.jsonl',
    ".field('kw').zone('Europe/Berlin').minHistory(7d).horizon(6h).method('seasonalNaive').method('smoothing')",
    'load.golden.jsonl',
  ],
  ['movingAverage', 'moving-average', 'noise-margin.lp', ".field('down').size(10)", 'of-ten.golden.lp'],
  [
    'movingAverage',
    'moving-average',
    'noise-margin.lp',
    ".field('crc_errors').period(10m).as('mean').keep(TRUE)",
    'ten-minutes.golden.lp',
  ],
  ['mirror', 'mirror', 'all-types.lp', '', 'all-types.golden.lp'],
  ['mirrorBatch', 'mirror-batch', 'kapacitor-1.5.7-cpu.brpl', '', 'cpu.golden.jsonl'],
  ['outliers', 'outliers', 'kapacitor-1.5.7-cpu.brpl', ".field('value')", 'outliers.golden.jsonl'],
  [
    'predict',
    'predict',
    'voltages.lp',
    ".model('voltage').feature('voltage').feature('hour_mean').feature('hourSin').feature('hourCos').feature('isWeekend').as('next_hour').probability('outside', 'outside')",
    'next-hour.golden.lp',
  ],
] as const;

describe('a recording through a bundled UDF', () => {
  it.each(goldens)(
    '%s: %s/recordings/%s with %j gives %s',
    async (udf, place, recording, options, golden) => {
      const definition = bundledUdfs.find(({ name }) => name === udf)!;
      const { points, batches } = await replay(
        await openRecording(`${folder}${place}/recordings/${recording}`),
        definition,
        { options },
      );
      const emitted = [...points, ...batches] as RecordedItem[];
      const text = await written(formatOfName(golden), emitted, { compress: false });
      expect(text.toString()).toBe(readFileSync(`${folder}${place}/recordings/${golden}`, 'utf8'));
    },
  );

  it('is there for every bundled UDF, and none lies unused', () => {
    expect(new Set(goldens.map(([udf]) => udf))).toEqual(new Set(bundledUdfs.map(({ name }) => name)));
    for (const place of new Set(goldens.map(([, place]) => place))) {
      const used = goldens
        .filter((golden) => golden[1] === place)
        .flatMap((golden) => [golden[2], golden[4]]);
      expect(new Set(readdirSync(`${folder}${place}/recordings`))).toEqual(new Set(used));
    }
  });
});
