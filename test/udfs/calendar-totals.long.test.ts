import { describe, expect, it } from 'vitest';
import calendarTotals from '../../udfs/calendar-totals/calendar-totals.js';
import { bucketsOf } from '../support/local-buckets.js';
import { outputOf } from '../support/udf-runs.js';

const quarter = 900;
const secondOf = (time: string): number => Date.parse(time) / 1000;

/** A meter's reading: a daily and a yearly shape, and noise that is the same each time. */
function wattHours(second: number): bigint {
  const noise = (Math.imul(second / quarter, 0x9e3779b1) >>> 20) / 4096;
  const ofDay = Math.sin((second / 86_400) * 2 * Math.PI);
  const ofYear = Math.cos((second / 31_557_600) * 2 * Math.PI);
  return BigInt(Math.round(250 + 80 * ofDay + 60 * ofYear + 40 * noise));
}

describe('a year of 15-minute readings through calendarTotals', () => {
  it.each(
    ['America/New_York', 'Europe/Berlin', 'Australia/Lord_Howe'].flatMap((zone) =>
      ['month', 'day'].map((by) => ({ zone, by })),
    ),
  )(
    'gives the totals of each $by in $zone, both changes of the clock included',
    { timeout: 120_000 },
    async ({ zone, by }) => {
      const bucket = bucketsOf(by, zone);
      const expected = new Map<string, { wh: bigint; intervals: bigint; peak: bigint }>();
      const readings = [];
      for (
        let second = secondOf('2023-12-30T00:00Z');
        second < secondOf('2025-01-03T00:00Z');
        second += quarter
      ) {
        const wh = wattHours(second);
        const key = bucket(second);
        const total = expected.get(key) ?? { wh: 0n, intervals: 0n, peak: 0n };
        total.wh += wh;
        total.intervals += 1n;
        if (wh > total.peak) total.peak = wh;
        expected.set(key, total);
        readings.push({
          name: 'meter',
          time: BigInt(second) * 1_000_000_000n,
          fields: { wh, kwh: Number(wh) / 1000 },
        });
      }
      const { points } = await outputOf(
        calendarTotals,
        {
          by,
          zone,
          interval: '15m',
          sum: [
            ['wh', 'wh'],
            ['kwh', 'kwh'],
          ],
          max: ['wh', 'peak'],
          count: ['wh', 'intervals'],
        },
        readings,
      );

      const whole = points.slice(1, -1); // of 2024: the first and the last are not all there
      expect(whole).toHaveLength(expected.size - 2);
      for (const { time, fields } of whole) {
        const total = expected.get(bucket(Number(time / 1_000_000_000n)))!;
        expect(fields).toMatchObject({ ...total, expected: total.intervals, missing: 0, partial: false });
        expect(fields.kwh).toBeCloseTo(Number(total.wh) / 1000, 9);
      }
      const lengths = new Set(whole.map(({ fields }) => Number(fields.intervals) / 4));
      const change = zone === 'Australia/Lord_Howe' ? 0.5 : 1;
      if (by === 'day') expect([...lengths].sort()).toEqual([24 - change, 24, 24 + change]);
      else expect(lengths).toContain(31 * 24 - change);
    },
  );
});
