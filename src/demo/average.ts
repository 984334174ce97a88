import { createKapacitorPeer } from '../peer/kapacitor-peer.js';
import { readRecording } from './recording.js';
import { rangeOf, sparkline } from './sparkline.js';
import type { Stage } from './stage.js';

const options = ".field('down').size(6).keep(TRUE)";

/** Two routers' noise margins, each as it was measured and as `movingAverage` smooths it. */
export async function showAverage(stage: Stage): Promise<string> {
  const records = readRecording('moving-average', 'noise-margin.lp');
  const kapacitor = createKapacitorPeer(await stage.connect('movingAverage'));
  await kapacitor.info();
  await kapacitor.init(options);
  for (const record of records) kapacitor.point(record);
  const { points } = await kapacitor.stop();

  const lines = [`@movingAverage()${options} on the noise margins (dB) of two routers:`];
  for (const host of new Set(points.map((point) => point.tag('host')))) {
    const own = points.filter((point) => point.tag('host') === host);
    const values = own.map((point) => Number(point.field('down')));
    const averages = own.map((point) => Number(point.field('avg')));
    const range = rangeOf([...values, ...averages]);
    const scale = `${range.least.toFixed(1)} to ${range.greatest.toFixed(1)}`;
    lines.push(`  ${host ?? ''}  down ${sparkline(values, range)}  ${scale}`);
    lines.push(`           avg  ${sparkline(averages, range)}  ends at ${averages.at(-1)!.toFixed(2)}`);
  }
  return lines.join('\n');
}
