import { createPoint } from '../udf/create.js';
import { createKapacitorPeer } from '../peer/kapacitor-peer.js';
import type { Point } from '../model/point.js';
import type { DemoHost } from './demo-host.js';

const uses = [
  ['mirror', ''],
  ['edgeDetect', ".field('state')"],
  ['movingAverage', ".field('usage').size(10)"],
] as const;

const groups = 100;
/** Enough for V8 to compile the hot code of both sides. */
const warmUpMs = 300;
const runMs = 700;

/** Measures the points a second that a UDF takes and answers over its socket. */
export async function showRate(host: DemoHost): Promise<string> {
  const points = samplePoints();
  const lines = [`Points a second over one socket, in ${groups} groups; this process plays Kapacitor:`];
  for (const [udf, options] of uses) {
    const rate = await measure(host, udf, options, points);
    lines.push(`  ${udf.padEnd(14)}${Math.round(rate).toLocaleString('en-US').padStart(11)}`);
  }
  return lines.join('\n');
}

async function measure(
  host: DemoHost,
  udf: string,
  options: string,
  points: readonly Point[],
): Promise<number> {
  const kapacitor = createKapacitorPeer(await host.connect(udf), {
    writes: 'coalesced',
    onPoint: () => undefined, // counted by Kapacitor's side; keeping them would measure our memory
  });
  await kapacitor.info();
  await kapacitor.init(options);
  const sendFor = async (ms: number): Promise<number> => {
    let sent = 0;
    for (const start = performance.now(); performance.now() - start < ms; sent += points.length) {
      for (const point of points) kapacitor.point(point);
      await kapacitor.drained();
    }
    await kapacitor.keepalive();
    return sent;
  };
  await sendFor(warmUpMs);
  const start = performance.now();
  const sent = await sendFor(runMs);
  await kapacitor.stop(); // half-close, then everything that was emitted
  return sent / ((performance.now() - start) / 1000);
}

/** Twenty seconds of a hundred servers, each of which changes its state once. */
function samplePoints(): Point[] {
  return Array.from({ length: 20 * groups }, (_, index) => {
    const host = `server${index % groups}`;
    const round = Math.floor(index / groups);
    return createPoint({
      name: 'cpu',
      database: 'telegraf',
      retentionPolicy: 'autogen',
      group: `host=${host}`,
      dimensions: ['host'],
      tags: { host, region: 'west' },
      fields: { usage: 20 + ((index * 7) % 60), load: BigInt(round), state: round === 10 ? 'busy' : 'idle' },
      time: 1_514_979_000_000_000_000n + BigInt(round) * 1_000_000_000n,
    });
  });
}
