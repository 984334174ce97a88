/** Processor time of a forecast and the size of a series' state, by the form for streams. */
import { runUdf } from '../../../dist/src/testkit/index.js';
import { forecast } from '../../../dist/udfs/index.js';
import { generateSeries } from './series.mjs';

const weeks = 12;
const nanos = 1_000_000_000n;

/** Feeds so many series of twelve weeks of hours; only their last value causes forecasts. */
export async function measureCost(count) {
  const { start, interval, values } = generateSeries(1, weeks);
  const run = await runUdf(forecast, { options: { field: 'v', minHistory: `${weeks * 7}d` } });
  const pointsAt = (index) =>
    Array.from({ length: count }, (_, series) => ({
      name: 'load',
      time: BigInt(start + index * interval) * nanos,
      group: `site=${series}`,
      dimensions: ['site'],
      tags: { site: String(series) },
      fields: { v: values[index] * (1 + series / count) },
    }));
  for (let index = 0; index < values.length - 1; index++) await run.send(pointsAt(index));
  const snapshot = (await run.snapshot()).length / count;
  const cpu = process.cpuUsage();
  await run.send(pointsAt(values.length - 1));
  const { user, system } = process.cpuUsage(cpu);
  const emitted = run.points.length;
  await run.stop();
  if (emitted !== 4 * count) throw new Error(`${count} series made ${emitted} forecasts, not four each`);
  return { snapshot, milliseconds: (user + system) / 1000 / count };
}
