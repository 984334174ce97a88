import type { KapacitorPeer } from '../../src/peer/kapacitor-peer.js';
import type { TestAgent } from './connection.js';

/** A task whose UDF adds the field `seen`: the number of points so far. */
export type CountingTask = TestAgent & { readonly kapacitor: KapacitorPeer };

/** Sends a point and returns what was counted. */
export async function count({ kapacitor }: CountingTask): Promise<unknown> {
  const before = kapacitor.points.length;
  kapacitor.point({ time: 1n, name: 'cpu', fields: { v: 1 } });
  await kapacitor.received({ points: before + 1 });
  return kapacitor.points[before]!.field('seen');
}

export async function stop({ kapacitor, agent }: CountingTask): Promise<void> {
  await kapacitor.stop();
  await agent.closed;
}
