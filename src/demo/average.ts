import { createKapacitorPeer } from '../peer/kapacitor-peer.js';
import type { DemoHost } from './demo-host.js';
import { readRecording } from './recordings.js';

const options = ".field('down').size(6).keep(TRUE)";

/** Charts the noise margins of two routers, measured and smoothed by `movingAverage`. */
export async function showAverage(host: DemoHost): Promise<string> {
  const records = readRecording('moving-average', 'noise-margin.lp');
  const kapacitor = createKapacitorPeer(await host.connect('movingAverage'));
  await kapacitor.info();
  await kapacitor.init(options);
  for (const record of records) kapacitor.point(record);
  const { points } = await kapacitor.stop();

  const lines = [`@movingAverage()${options}`, 'on the noise margins (dB) of two routers:'];
  for (const router of new Set(points.map((point) => point.tag('host')))) {
    const own = points.filter((point) => point.tag('host') === router);
    const values = own.map((point) => Number(point.field('down')));
    const averages = own.map((point) => Number(point.field('avg')));
    const range = rangeOf([...values, ...averages]);
    const scale = `${range.min.toFixed(1)} to ${range.max.toFixed(1)}`;
    lines.push(`  ${router ?? ''}  down ${sparkline(values, range)}  ${scale}`);
    lines.push(`           avg  ${sparkline(averages, range)}  ends at ${averages.at(-1)!.toFixed(2)}`);
  }
  return lines.join('\n');
}

const bars = '▁▂▃▄▅▆▇█';

/** Draws numbers as a line of bars, scaled from the minimum to the maximum of `range`. */
export function sparkline(values: readonly number[], range = rangeOf(values)): string {
  const { min, max } = range;
  const step = max > min ? (bars.length - 1) / (max - min) : 0;
  return values.map((value) => bars[Math.round((value - min) * step)]).join('');
}

/** Minimum and maximum, for several sparklines on one scale. */
export function rangeOf(values: readonly number[]): { readonly min: number; readonly max: number } {
  return { min: Math.min(...values), max: Math.max(...values) };
}
