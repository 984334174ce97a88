import { setImmediate as turn } from 'node:timers/promises';
import { defineUdf } from 'kapacitor-udf';
import { describe, expect, test } from 'vitest';
import { createAgent } from '../../src/agent/agent.js';
import { createKapacitorPeer, type KapacitorPeer } from '../../src/peer/kapacitor-peer.js';
import { memoryTransportPair } from '../../src/transport/memory-transport.js';
import mirrorBatch from '../../udfs/mirror-batch/mirror-batch.js';
import mirror from '../../udfs/mirror/mirror.js';
import { udfSocket } from '../support/connection.js';
import { silentLogger } from '../support/silent-logger.js';

const MB = 1e6;

/** Sends twenty kilobytes fifty times over. */
const growing = defineUdf({
  name: 'growing',
  wants: 'stream',
  provides: 'stream',
  point(point, { emit }) {
    for (let copy = 0; copy < 50; copy++) emit(point.withField('copy', copy));
  },
});

const text = 'x'.repeat(20_000);

/** Waits until the numbers that something gives stay as they are for some turns of the event loop. */
async function settled(read: () => number): Promise<void> {
  let last = -1;
  for (let same = 0; same < 30; same++) {
    await turn();
    const now = read();
    if (now !== last) same = 0;
    last = now;
  }
}

function send(kapacitor: KapacitorPeer, points: number): void {
  for (let time = 1; time <= points; time++) {
    kapacitor.point({ time: BigInt(time), name: 'cpu', fields: { text } });
  }
}

describe('while Kapacitor does not read,', () => {
  test('the agent stops reading too: its memory stays flat, and nothing is lost once it reads again', async () => {
    const socket = await udfSocket(mirror);
    const kapacitor = await socket.kapacitor();
    await kapacitor.init();
    kapacitor.pauseReading();
    send(kapacitor, 2000); // 40 MB
    const { agent } = socket.served[0]!;
    await settled(() => agent.stats.bytesIn);
    // What the system's own buffers and one read hold, and no more.
    expect(agent.stats.bytesIn).toBeLessThan(3 * MB);
    expect(agent.stats.bytesOut).toBeLessThan(3 * MB);
    kapacitor.resumeReading();
    const { points } = await kapacitor.stop();
    expect(points.map(({ time }) => time)).toEqual(
      Array.from({ length: 2000 }, (_, index) => BigInt(index + 1)),
    );
    expect(points.every((point) => point.field('text') === text)).toBe(true);
  });

  test('a UDF that makes much of little is held back between two of its points', async () => {
    const socket = await udfSocket(growing);
    const kapacitor = await socket.kapacitor({ writes: 'coalesced' });
    await kapacitor.init();
    kapacitor.pauseReading();
    for (let time = 1n; time <= 60n; time++) kapacitor.point({ time, name: 'cpu', fields: { text } });
    const { agent } = socket.served[0]!;
    await settled(() => agent.stats.pointsOut);
    expect(agent.stats.bytesOut).toBeLessThan(6 * MB);
    kapacitor.resumeReading();
    expect((await kapacitor.stop()).points).toHaveLength(60 * 50);
  });

  test('batches wait as well', async () => {
    const socket = await udfSocket(mirrorBatch);
    const kapacitor = await socket.kapacitor();
    await kapacitor.init();
    kapacitor.pauseReading();
    const points = Array.from({ length: 50 }, (_, index) => ({ time: BigInt(index), fields: { text } }));
    for (let time = 1n; time <= 30n; time++) kapacitor.batch({ name: 'cpu', time, points });
    const { agent } = socket.served[0]!;
    await settled(() => agent.stats.bytesIn);
    expect(agent.stats.bytesIn).toBeLessThan(5 * MB);
    kapacitor.resumeReading();
    const { batches } = await kapacitor.stop();
    expect(batches.map((batch) => batch.points.length)).toEqual(Array<number>(30).fill(50));
  });

  test('a returned array and a handler that waits for "drained" are held back, beyond the limit too', async () => {
    const returning = defineUdf({
      name: 'returning',
      wants: 'stream',
      provides: 'stream',
      point: (point) => Array.from({ length: 300 }, () => point),
    });
    const waiting = defineUdf({
      name: 'waiting',
      wants: 'stream',
      provides: 'stream',
      async point(point, { emit, drained }) {
        for (let copy = 0; copy < 300; copy++) {
          emit(point);
          await drained();
        }
      },
    });
    for (const udf of [returning, waiting]) {
      const socket = await udfSocket(udf, { limits: { outputBytes: MB, handlerMs: 20 } });
      const kapacitor = await socket.kapacitor();
      await kapacitor.init();
      kapacitor.pauseReading();
      send(kapacitor, 2);
      const { agent } = socket.served[0]!;
      await settled(() => agent.stats.pointsOut);
      expect(agent.stats.bytesOut).toBeLessThan(2 * MB);
      kapacitor.resumeReading();
      expect((await kapacitor.stop()).points).toHaveLength(600);
    }
  });

  test('a batch above the limit is forwarded, once', async () => {
    const twice = defineUdf({
      name: 'twice',
      wants: 'batch',
      provides: 'batch',
      batch(batch, { emit }) {
        for (let copy = 0; copy < Number(batch.time); copy++) emit(batch);
      },
    });
    const socket = await udfSocket(twice, { limits: { outputBytes: MB } });
    const kapacitor = await socket.kapacitor();
    await kapacitor.init();
    const points = Array.from({ length: 60 }, (_, index) => ({ time: BigInt(index), fields: { text } }));
    kapacitor.batch({ name: 'cpu', time: 1n, points });
    await kapacitor.received({ batches: 1 });
    kapacitor.batch({ name: 'cpu', time: 2n, points });
    await kapacitor.closed;
    expect(kapacitor.failure?.detail).toMatch('(outputBytes); emit smaller batches, or raise the limit');
  });

  test('the other connections go on', async () => {
    const socket = await udfSocket(mirror);
    const stuck = await socket.kapacitor();
    const other = await socket.kapacitor();
    await stuck.init();
    await other.init();
    stuck.pauseReading();
    send(stuck, 500);
    await settled(() => socket.served[0]!.agent.stats.bytesIn);
    send(other, 10);
    expect((await other.stop()).points).toHaveLength(10);
    stuck.resumeReading();
    expect((await stuck.stop()).points).toHaveLength(500);
  });
});

test('a Kapacitor that reads now and then gets everything, in order', async () => {
  const socket = await udfSocket(mirror);
  const kapacitor = await socket.kapacitor({ writes: 'coalesced' });
  await kapacitor.init();
  let sent = 0n;
  for (let round = 0; round < 20; round++) {
    kapacitor.pauseReading();
    for (let index = 0; index < 100; index++)
      kapacitor.point({ time: ++sent, name: 'cpu', fields: { text } });
    for (let turns = 0; turns < round; turns++) await turn();
    kapacitor.resumeReading();
    for (let turns = 0; turns < 3; turns++) await turn();
  }
  const { points } = await kapacitor.stop();
  expect(points.map(({ time }) => time)).toEqual(
    Array.from({ length: 2000 }, (_, index) => BigInt(index + 1)),
  );
});

test('a stream that takes much before it says so does not stall the conversation', async () => {
  const [agentSide, kapacitorSide] = memoryTransportPair({ highWaterMark: 1_000_000 });
  const agent = createAgent({ definition: mirror, transport: agentSide, logger: silentLogger });
  const kapacitor = createKapacitorPeer(kapacitorSide, { writes: 'coalesced' });
  await kapacitor.init();
  kapacitor.pauseReading();
  // Above what blocks an agent, below what the stream calls full.
  for (let time = 1n; time <= 40n; time++) kapacitor.point({ time, name: 'cpu', fields: { text } });
  await settled(() => agent.stats.pointsIn);
  for (let time = 41n; time <= 100n; time++) kapacitor.point({ time, name: 'cpu', fields: { text } });
  await settled(() => agent.stats.pointsIn);
  kapacitor.resumeReading();
  expect((await kapacitor.stop()).points).toHaveLength(100);
});
