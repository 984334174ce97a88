import { setImmediate as turn } from 'node:timers/promises';
import { defineUdf } from 'kapacitor-udf';
import { describe, expect, test } from 'vitest';
import type { KapacitorPeer } from '../../src/peer/kapacitor-peer.js';
import mirrorBatch from '../../udfs/mirror-batch/mirror-batch.js';
import mirror from '../../udfs/mirror/mirror.js';
import { udfSocket } from '../support/connection.js';

/** Emits before and after it waits, and so after Kapacitor has half-closed. */
const waiting = defineUdf({
  name: 'waiting',
  wants: 'stream',
  provides: 'stream',
  async point(point, { emit }) {
    emit(point);
    await turn();
    emit(point);
  },
});

/** Emits a hundred points of a kilobyte for each that comes. */
const growing = defineUdf({
  name: 'growing',
  wants: 'stream',
  provides: 'stream',
  point(point, { emit }) {
    for (let index = 0; index < 100; index++) {
      emit(point.replaceFields({ index, text: 'x'.repeat(1000) }));
    }
  },
});

const tries = 200;
const points = 20;

function sendPoints(kapacitor: KapacitorPeer): void {
  for (let index = 1; index <= points; index++) {
    kapacitor.point({ time: BigInt(index), name: 'cpu', fields: { index } });
  }
}

const times = Array.from({ length: points }, (_, index) => BigInt(index + 1));

describe('when Kapacitor half-closes, nothing that was emitted is lost', () => {
  test(`in any of ${tries} tries, however the half-close comes with the last points`, async () => {
    const socket = await udfSocket(mirror);
    for (let round = 0; round < tries; round++) {
      const kapacitor = await socket.kapacitor({ writes: round % 2 === 0 ? 'as-kapacitor' : 'coalesced' });
      await kapacitor.init();
      sendPoints(kapacitor);
      const { points: out } = await kapacitor.stop();
      expect(out.map(({ time }) => time)).toEqual(times);
    }
    expect(socket.served.every(({ agent }) => agent.failure === undefined)).toBe(true);
  });

  test(`in any of ${tries} tries with a handler that is still waiting`, async () => {
    const socket = await udfSocket(waiting);
    const rounds = Array.from({ length: tries }, async () => {
      const kapacitor = await socket.kapacitor();
      await kapacitor.init();
      sendPoints(kapacitor);
      const { points: out } = await kapacitor.stop();
      expect(out.map(({ time }) => time)).toEqual(times.flatMap((time) => [time, time]));
    });
    await Promise.all(rounds);
  });

  test(`in any of ${tries} tries with batches`, async () => {
    const socket = await udfSocket(mirrorBatch);
    for (let round = 0; round < tries; round++) {
      const kapacitor = await socket.kapacitor();
      await kapacitor.init();
      for (let index = 0; index < 3; index++) {
        kapacitor.batch({ name: 'cpu', time: 9n, points: [{ time: 1n, fields: { index } }] });
      }
      const { batches } = await kapacitor.stop();
      expect(batches.map((batch) => batch.points[0]?.field('index'))).toEqual([0, 1, 2]);
    }
  });

  test('before a consumer that reads late: the agent waits until all is read', async () => {
    const socket = await udfSocket(growing);
    const kapacitor = await socket.kapacitor();
    await kapacitor.init();
    kapacitor.pauseReading();
    sendPoints(kapacitor);
    const stopped = kapacitor.stop();
    const { agent } = socket.served[0]!;
    // Far more than a socket holds: the rest waits in the agent.
    while (agent.stats.pointsOut === 0) await turn();
    for (let turns = 0; turns < 20; turns++) await turn();
    expect(agent.stats.pointsOut).toBeLessThan(100 * points);
    kapacitor.resumeReading();
    const { points: out } = await stopped;
    expect(out).toHaveLength(100 * points);
    expect(out.at(-1)?.fields).toMatchObject({ index: 99 });
    await agent.closed;
    expect(agent.failure).toBeUndefined();
  });

  test('and the handlers are told, by their signal, only once the last of them has ended', async () => {
    const order: string[] = [];
    const listening = defineUdf({
      name: 'listening',
      wants: 'stream',
      provides: 'stream',
      async point(point, { emit, signal }) {
        signal.addEventListener('abort', () => order.push('signal'), { once: true });
        await turn();
        emit(point);
        order.push(`emitted ${point.time}`);
      },
    });
    const socket = await udfSocket(listening);
    const kapacitor = await socket.kapacitor();
    await kapacitor.init();
    for (const time of [1n, 2n]) kapacitor.point({ time, name: 'cpu', fields: { v: 1 } });
    await kapacitor.stop();
    await socket.served[0]!.agent.closed;
    expect(order).toEqual(['emitted 1', 'emitted 2', 'signal', 'signal']);
  });
});

test('a stream that ends inside a message or a batch says so', async () => {
  const socket = await udfSocket(mirrorBatch);
  const inMessage = await socket.kapacitor();
  await inMessage.init();
  inMessage.write(Buffer.of(100, 1, 2));
  await inMessage.stop();
  await socket.served[0]!.agent.closed;
  expect(socket.served[0]!.agent.failure).toMatchObject({ code: 'connection' });
  expect(socket.served[0]!.log).toContainEqual(
    expect.objectContaining({
      level: 'warn',
      message: 'the stream ended in the middle of a message or batch, which is lost',
    }),
  );
});
