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
/** Time for V8 to optimize the hot code of both processes. */
const warmUpMs = 300;
const runMs = 700;

/** Measures the throughput of UDFs over their sockets, in points per second. */
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
    onPoint: () => undefined, // discards points, whose retention would distort the measurement
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
  await kapacitor.stop(); // half-closes, and reads everything emitted
  return sent / ((performance.now() - start) / 1000);
}

/** 20 s of data of 100 servers, each with one change of state. */
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
