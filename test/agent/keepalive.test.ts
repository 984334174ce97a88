import { defineUdf } from 'kapacitor-udf';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { encodeRequest } from '../../src/wire/messages.js';
import { kapacitorInMemory } from '../support/connection.js';

/** The runtime's own heartbeat, and Kapacitor's timeout: its examples have 10 s, this is harder. */
const timeoutMs = 1000;
const keepalive = { keepaliveTimeoutMs: timeoutMs };

const point = { time: 1n, name: 'cpu', fields: { v: 1 } };

/** A handler that waits as long as the point says. */
const sleepy = defineUdf({
  name: 'sleepy',
  wants: 'stream',
  provides: 'stream',
  state: () => ({ seen: 0 }),
  async point(input, { state, emit }) {
    const ms = Number(input.field('ms') ?? 0);
    if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
    state.seen++;
    emit(input);
  },
});

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('keepalives', () => {
  test('are answered with the time that they were asked with', async () => {
    const { kapacitor } = kapacitorInMemory(sleepy);
    await kapacitor.keepalive();
    await kapacitor.init();
    await kapacitor.keepalive();
    expect(kapacitor.keepalives).toBe(2);
    await kapacitor.stop();
  });

  test('are answered while a handler waits, so that a slow one does not end the task', async () => {
    const { kapacitor } = kapacitorInMemory(sleepy, {}, keepalive);
    await kapacitor.init();
    kapacitor.point({ ...point, fields: { ms: 20 * timeoutMs } });
    await vi.advanceTimersByTimeAsync(19 * timeoutMs);
    // One for each request of Kapacitor's: none is held back, and none is made up while reading goes on.
    expect(kapacitor.keepalives).toBe(38);
    expect(kapacitor.failure).toBeUndefined();
    await vi.advanceTimersByTimeAsync(2 * timeoutMs);
    expect((await kapacitor.stop()).points).toHaveLength(1);
  });

  test('pass what waits for the handler, which keeps its order', async () => {
    const { kapacitor } = kapacitorInMemory(sleepy, {}, keepalive);
    await kapacitor.init();
    kapacitor.point({ ...point, fields: { ms: 500 } });
    for (let time = 2n; time <= 5n; time++) kapacitor.point({ ...point, time, fields: { ms: 1 } });
    await kapacitor.keepalive();
    expect(kapacitor.points).toEqual([]);
    await vi.advanceTimersByTimeAsync(600);
    expect((await kapacitor.stop()).points.map(({ time }) => time)).toEqual([1n, 2n, 3n, 4n, 5n]);
  });

  test('go out on our own while reading is paused because too much is waiting', async () => {
    const { kapacitor, agent } = kapacitorInMemory(sleepy, { limits: { inputBytes: 1000 } }, keepalive);
    await kapacitor.init();
    kapacitor.point({ ...point, fields: { ms: 10 * timeoutMs } });
    // More than is read ahead, and more than lies in the pipe: Kapacitor's own requests stay behind it, unread.
    for (let sent = 0; sent < 5000; sent++) kapacitor.point({ ...point, fields: { ms: 0 } });
    const { bytesIn } = agent.stats;
    await vi.advanceTimersByTimeAsync(9 * timeoutMs);
    expect(kapacitor.failure).toBeUndefined();
    expect(kapacitor.keepalives).toBeGreaterThanOrEqual(9);
    expect(agent.stats.bytesIn).toBe(bytesIn);
    expect(kapacitor.points).toEqual([]);
    // Once the handler has ended, reading goes on.
    const stopped = kapacitor.stop();
    await vi.advanceTimersByTimeAsync(20 * timeoutMs);
    expect((await stopped).points).toHaveLength(5001);
  });

  test('go on while a snapshot waits behind a handler, and while what came is finished at the end', async () => {
    const { kapacitor, agent } = kapacitorInMemory(sleepy, {}, { ...keepalive, answerTimeoutMs: 60_000 });
    await kapacitor.init();
    kapacitor.point({ ...point, fields: { ms: 5 * timeoutMs } });
    const snapshot = kapacitor.snapshot();
    await vi.advanceTimersByTimeAsync(4 * timeoutMs);
    expect(kapacitor.failure).toBeUndefined();
    await vi.advanceTimersByTimeAsync(2 * timeoutMs);
    expect((await snapshot).length).toBeGreaterThan(0);

    kapacitor.point({ ...point, fields: { ms: 5 * timeoutMs } });
    await vi.advanceTimersByTimeAsync(1);
    const before = kapacitor.keepalives;
    const drained = agent.drain();
    await vi.advanceTimersByTimeAsync(4 * timeoutMs);
    expect(kapacitor.keepalives).toBeGreaterThan(before + 3);
    await vi.advanceTimersByTimeAsync(2 * timeoutMs);
    await drained;
  });

  test('that are none but begin like one wait their turn', async () => {
    const { kapacitor } = kapacitorInMemory(sleepy, {}, keepalive);
    await kapacitor.init();
    kapacitor.point({ ...point, fields: { ms: 100 } });
    // In a oneof the last message counts: this is a keepalive request that is then a snapshot request after all.
    const payload = Buffer.of(0x1a, 0, 0x22, 0);
    kapacitor.write(Buffer.concat([Buffer.of(payload.length), payload]));
    await vi.advanceTimersByTimeAsync(50);
    expect(kapacitor.failure).toBeUndefined();
    await vi.advanceTimersByTimeAsync(100);
    expect(kapacitor.failure?.message).toMatch(/a response to snapshot came that was not requested/);
    expect(kapacitor.points).toHaveLength(1);
  });

  test('stop with the connection: no timer is left behind', async () => {
    const { kapacitor, agent } = kapacitorInMemory(sleepy, { limits: { inputBytes: 0 } }, keepalive);
    await kapacitor.init();
    kapacitor.point({ ...point, fields: { ms: 100 } });
    kapacitor.write(encodeRequest({ kind: 'snapshot' }));
    await vi.advanceTimersByTimeAsync(10);
    agent.destroy();
    await vi.advanceTimersByTimeAsync(300);
    await agent.closed;
    expect(vi.getTimerCount()).toBe(0);
  });
});
