import type { RunOptions } from 'kapacitor-udf/testkit';
import { describe, expect, it } from 'vitest';
import { outputOf } from '../../test/support/udf-runs.js';
import type { TestBatch } from '../../test/support/udf-messages.js';
import forecastBatch from './forecast-batch.js';

type Options = Exclude<RunOptions<(typeof forecastBatch)['options']>['options'], string | undefined>;

const hour = 3_600_000_000_000n;
const monday = 1_717_372_800_000_000_000n; // 2024-06-03T00:00Z
const shape = (index: number): number => 50 + 10 * Math.sin((2 * Math.PI * index) / 24);

function batchOf(
  indexes: readonly number[],
  tags: Readonly<Record<string, string>> = { site: 'a' },
): TestBatch {
  const group = Object.entries(tags)
    .map(([name, value]) => `${name}=${value}`)
    .join(',');
  return {
    name: 'load',
    group,
    tags,
    time: monday + 10_000n * hour,
    points: indexes.map((index) => ({
      time: monday + BigInt(Math.round(index * 60)) * (hour / 60n),
      group,
      tags,
      fields: { mw: shape(Math.floor(index)) + (index % 1 === 0 ? 0 : 2) },
    })),
  };
}

const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
const base: Options = { field: 'mw', method: 'seasonalNaive', horizon: ['1h', '24h'] };

describe('forecastBatch', () => {
  it('makes of each batch one of forecasts, with its name, tags and time', async () => {
    const { batches } = await outputOf(forecastBatch, base, [
      batchOf(range(400)),
      batchOf(range(380), { site: 'b' }),
    ]);
    expect(batches.map(({ name, group, tags, time }) => ({ name, group, tags, time }))).toEqual(
      ['a', 'b'].map((site) => ({
        name: 'load',
        group: `site=${site}`,
        tags: { site },
        time: monday + 10_000n * hour,
      })),
    );
    for (const [number, origin] of [399, 379].entries()) {
      const { points } = batches[number]!;
      expect(points.map(({ time, tags }) => [(time - monday) / hour, tags.horizon, tags.site])).toEqual([
        [BigInt(origin + 1), '1h', 'ab'[number]],
        [BigInt(origin + 24), '1d', 'ab'[number]],
      ]);
      expect(points[1]!.fields.forecast).toBeCloseTo(shape(origin), 6);
    }
  });

  it('takes points in any order, and the mean of those of one interval', async () => {
    const all = range(400).flatMap((index) => [index, index + 0.5]);
    const { batches } = await outputOf(forecastBatch, base, batchOf(all.toReversed()));
    expect(batches[0]!.points[1]!.fields.forecast).toBeCloseTo(shape(399) + 1, 6);
  });

  it('forecasts nothing from too little: a short history, or too many gaps', async () => {
    for (const indexes of [[], range(300), range(400).filter((index) => index % 3 === 0)]) {
      const { batches, counters } = await outputOf(forecastBatch, base, batchOf(indexes));
      expect(batches.map(({ points }) => points)).toEqual([[]]);
      expect(counters).toEqual({ tooShort: 1 });
    }
  });

  it('refuses to overwrite a tag of the group', async () => {
    await expect(outputOf(forecastBatch, base, batchOf(range(400), { horizon: 'x' }))).rejects.toThrow(
      /grouped by the tag "horizon", which forecasts would overwrite/,
    );
  });
});
