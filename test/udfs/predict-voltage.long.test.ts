import { runUdf } from 'kapacitor-udf/testkit';
import { expect, test } from 'vitest';
import { SmartMeterGrid } from '../../src/feed/smart-meters.js';
import movingAverage from '../../udfs/moving-average/moving-average.js';
import predict from '../../udfs/predict/predict.js';

/** No seed that the model was trained with. */
const seed = 2024;
const meters = 48;
const days = 5;
const step = 300;
const stepsOfHour = 3600 / step;
const start = 1_514_937_600;

const options =
  ".model('voltage').feature('voltage').feature('hour_mean').feature('hourSin').feature('hourCos')" +
  ".feature('isWeekend').as('next_hour')";

const isOutside = (volts: number): boolean => volts < 207 || volts > 253;

/** A meter's readings, NaN where it is silent. */
function readingsOf(grid: SmartMeterGrid, meter: number): number[] {
  return Array.from({ length: (days * 86_400) / step }, (_, index) => {
    const seconds = start + index * step;
    return grid.read(meter, seconds, seconds / 60)?.voltage ?? NaN;
  });
}

test('the bundled model says better than the hour before whether voltage leaves its band in the next hour', async () => {
  const grid = new SmartMeterGrid(seed);
  const average = await runUdf(movingAverage, {
    options: ".field('voltage').period(1h).as('hour_mean').keep(TRUE)",
  });
  const model = await runUdf(predict, { options });
  const right = { model: 0, anHourAgo: 0, total: 0 };
  for (let number = 0; number < meters; number++) {
    const meter = number * 11; // of all lines, near and far
    const volts = readingsOf(grid, meter);
    const { points } = await average.send(
      volts.flatMap((voltage, index) =>
        Number.isNaN(voltage)
          ? []
          : [
              {
                name: 'electricity',
                time: BigInt(start + index * step) * 1_000_000_000n,
                tags: { meter: String(meter) },
                dimensions: ['meter'],
                fields: { voltage },
              },
            ],
      ),
    );
    const { points: predicted } = await model.send(points);
    for (const point of predicted) {
      const index = (point.seconds - start) / step;
      if (index < stepsOfHour || index + stepsOfHour >= volts.length) continue;
      const next = volts.slice(index + 1, index + 1 + stepsOfHour).some(isOutside);
      const last = volts.slice(index + 1 - stepsOfHour, index + 1).some(isOutside);
      right.total++;
      if ((point.fields.next_hour === 'outside') === next) right.model++;
      if (last === next) right.anHourAgo++;
    }
  }
  await average.stop();
  await model.stop();
  const accuracy = right.model / right.total;
  expect(right.total).toBeGreaterThan(60_000);
  expect(accuracy).toBeGreaterThan(0.96);
  expect(1 - accuracy).toBeLessThan(0.8 * (1 - right.anHourAgo / right.total));
}, 120_000);
