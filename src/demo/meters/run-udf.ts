import { DateTime } from 'luxon';
import type { Batch, BatchInit } from '../../model/batch.js';
import type { Point, PointInit } from '../../model/point.js';
import type { KapacitorPeer } from '../../peer/interface.js';
import { createKapacitorPeer } from '../../peer/kapacitor-peer.js';
import type { DemoHost } from '../demo-host.js';
import { buildingZone } from './building.js';

/** A busy machine is slow, which is no failure of a demonstration. */
const answerTimeoutMs = 60_000;

/** Sends points through a UDF of the host, and returns what it emits. Rejects with `protocol` if it refuses the options. */
export async function runOnPoints(
  host: DemoHost,
  udf: string,
  options: string,
  points: readonly (PointInit | Point)[],
): Promise<readonly Point[]> {
  const kapacitor = await startTask(host, udf, options);
  for (const point of points) kapacitor.point(point);
  return (await kapacitor.stop()).points;
}

/** As `runOnPoints`, with one batch. */
export async function runOnBatch(
  host: DemoHost,
  udf: string,
  options: string,
  batch: BatchInit,
): Promise<readonly Batch[]> {
  const kapacitor = await startTask(host, udf, options);
  kapacitor.batch(batch);
  return (await kapacitor.stop()).batches;
}

async function startTask(host: DemoHost, udf: string, options: string): Promise<KapacitorPeer> {
  const kapacitor = createKapacitorPeer(await host.connect(udf), { answerTimeoutMs });
  await kapacitor.info();
  await kapacitor.init(options);
  return kapacitor;
}

/** Nanoseconds as seconds since the epoch. */
export function secondsOf(nanoseconds: bigint): number {
  return Number(nanoseconds / 1_000_000n) / 1000;
}

/** Formats seconds since the epoch in the building's zone. */
export function localTime(seconds: number, format: string): string {
  return DateTime.fromSeconds(seconds, { zone: buildingZone, locale: 'en' }).toFormat(format);
}

export const dayAndTime = 'ccc d LLL HH:mm';
