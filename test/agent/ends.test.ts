import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { defineUdf, UdfError } from 'kapacitor-udf';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { noStats } from '../../src/model/statistics.js';
import mirror from '../../udfs/mirror/mirror.js';
import { kapacitorInMemory, udfSocket } from '../support/connection.js';
import { heldBytes } from '../support/held-bytes.js';

afterEach(() => {
  vi.useRealTimers();
});

const cpu = { time: 1n, name: 'cpu', fields: { v: 1 } };

/** A UDF whose handler ends when the test says so, and what it was given. */
function held() {
  const ends: { resolve: () => void; reject: (reason: unknown) => void }[] = [];
  const signals: AbortSignal[] = [];
  const definition = defineUdf({
    name: 'held',
    wants: 'stream',
    provides: 'stream',
    async point(point, { emit, signal }) {
      signals.push(signal);
      await new Promise<void>((resolve, reject) => ends.push({ resolve, reject }));
      emit(point);
    },
  });
  return { definition, ends, signals };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

/** Fails a test that leaves an error to nobody. */
function noUnhandled(): void {
  const seen: unknown[] = [];
  const see = (reason: unknown): void => void seen.push(reason);
  process.on('unhandledRejection', see);
  process.on('uncaughtException', see);
  onTestFinished(() => {
    process.off('unhandledRejection', see);
    process.off('uncaughtException', see);
    expect(seen).toEqual([]);
  });
}

describe('drain', () => {
  test('reads no more, finishes what has come, sends it and closes', async () => {
    const { definition, ends } = held();
    const socket = await udfSocket(definition);
    const kapacitor = await socket.kapacitor();
    await kapacitor.init();
    for (const time of [1n, 2n, 3n]) kapacitor.point({ ...cpu, time });
    await until(() => ends.length === 1);
    await kapacitor.keepalive(); // so all three have been read
    const { agent } = socket.served[0]!;
    const drained = agent.drain();
    for (let finished = 0; finished < 3; finished++) {
      await until(() => ends.length > finished);
      ends[finished]!.resolve();
    }
    await drained;
    await kapacitor.closed;
    expect(kapacitor.points.map(({ time }) => time)).toEqual([1n, 2n, 3n]);
    expect(kapacitor.failure?.rule).toBe('early-eof');
    expect(agent.failure).toBeUndefined();
  });

  test('of a connection that has nothing to do closes it at once; once is enough', async () => {
    const { agent, kapacitor } = kapacitorInMemory(mirror);
    await kapacitor.init();
    await Promise.all([agent.drain(), agent.drain()]);
    await agent.drain();
    await kapacitor.closed;
  });

  test('answers the requests that had come', async () => {
    const { definition, ends } = held();
    const { agent, kapacitor } = kapacitorInMemory(definition);
    await kapacitor.init();
    kapacitor.point(cpu);
    const snapshot = kapacitor.snapshot();
    await kapacitor.keepalive();
    const drained = agent.drain();
    ends[0]!.resolve();
    expect((await snapshot).length).toBeGreaterThan(0);
    await drained;
  });
});

describe('destroy', () => {
  test('ends the connection at once and tells the handlers', async () => {
    noUnhandled();
    const { definition, ends, signals } = held();
    const socket = await udfSocket(definition);
    const kapacitor = await socket.kapacitor();
    await kapacitor.init();
    kapacitor.point(cpu);
    await until(() => ends.length === 1);
    const { agent } = socket.served[0]!;
    agent.destroy(new UdfError('connection', 'the host stops'));
    await agent.closed;
    await kapacitor.closed;
    expect(signals[0]!.aborted).toBe(true);
    expect(agent.failure).toMatchObject({ code: 'connection', message: 'the host stops' });
    ends[0]!.resolve();
    await turn();
    agent.destroy();
    await agent.drain();
  });
});

describe('when Kapacitor goes away', () => {
  test('the handler is told, the connection ends, the others go on', async () => {
    noUnhandled();
    const { definition, ends, signals } = held();
    const socket = await udfSocket(definition);
    const gone = await socket.kapacitor();
    const stays = await socket.kapacitor();
    await gone.init();
    await stays.init();
    gone.point(cpu);
    await until(() => ends.length === 1);
    gone.abort();
    // A close looks like a half-close until something is written: then the pipe is broken.
    ends[0]!.resolve();
    await socket.served[0]!.agent.closed;
    expect(signals[0]!.aborted).toBe(true);
    stays.point(cpu);
    await until(() => ends.length === 2);
    ends[1]!.resolve();
    expect((await stays.stop()).points).toHaveLength(1);
  });
});

describe('a handler that outlives its connection', () => {
  test('may emit: it goes nowhere and takes no memory', async () => {
    noUnhandled();
    let emitted = 0;
    const endless = defineUdf({
      name: 'endless',
      wants: 'stream',
      provides: 'stream',
      async point(point, { emit, signal }) {
        while (!signal.aborted) await turn();
        for (let index = 0; index < 200_000; index++) {
          emit(point);
          emitted++;
          if (index % 10_000 === 0) await turn();
        }
      },
    });
    const { agent, kapacitor } = kapacitorInMemory(endless);
    await kapacitor.init();
    kapacitor.point({ ...cpu, fields: { text: 'x'.repeat(1000) } });
    await turn();
    agent.destroy();
    await agent.closed;
    const { bytesOut } = agent.stats;
    const before = heldBytes();
    await until(() => emitted === 200_000);
    expect(agent.stats.bytesOut).toBe(bytesOut);
    expect(heldBytes() - before).toBeLessThan(10e6);
  });

  test('may fail: nobody is left to be told, and nothing else notices', async () => {
    noUnhandled();
    const { definition, ends } = held();
    const { agent, kapacitor } = kapacitorInMemory(definition);
    await kapacitor.init();
    kapacitor.point(cpu);
    await until(() => ends.length === 1);
    agent.destroy();
    await agent.closed;
    ends[0]!.reject(new Error('too late'));
    await turn();
  });

  test('may emit from a timer of its own after its handler has returned, as long as the connection is there', async () => {
    const later = defineUdf({
      name: 'later',
      wants: 'stream',
      provides: 'stream',
      point(point, { emit }) {
        setImmediate(() => {
          emit(point);
        });
      },
    });
    const { kapacitor } = kapacitorInMemory(later);
    await kapacitor.init();
    kapacitor.point(cpu);
    await kapacitor.received({ points: 1 });
    await kapacitor.stop();
  });
});

test('what a connection has done is counted', async () => {
  const counting = defineUdf({
    name: 'counting',
    wants: 'stream',
    provides: 'stream',
    state: () => ({}),
    point(point, { emit, count }) {
      if (point.field('v') === 2) {
        count('even');
        count('sum', 2);
        return;
      }
      emit(point);
      emit(point);
    },
  });
  const { agent, kapacitor } = kapacitorInMemory(counting);
  expect(agent.stats).toEqual(noStats);
  await kapacitor.init();
  for (const v of [1, 2, 2]) kapacitor.point({ ...cpu, group: `v=${v}`, fields: { v } });
  await kapacitor.stop();
  await agent.closed;
  const { bytesIn, bytesOut, handlerTime, ...counted } = agent.stats;
  expect({ ...noStats, ...counted }).toEqual({
    ...noStats,
    pointsIn: 3,
    pointsOut: 2,
    groups: 2,
    counters: { even: 2, sum: 4 },
  });
  expect(bytesIn).toBeGreaterThan(50);
  expect(bytesOut).toBeGreaterThan(50);
  expect(handlerTime.seconds).toBeGreaterThan(0);
});

describe('an agent that has failed', () => {
  test('waits for Kapacitor to close, so that it sees our error and not a broken pipe', async () => {
    const failing = defineUdf({
      name: 'failing',
      wants: 'stream',
      provides: 'stream',
      point: () => {
        throw new Error('no');
      },
    });
    for (let round = 0; round < 30; round++) {
      const socket = await udfSocket(failing);
      const kapacitor = await socket.kapacitor();
      await kapacitor.init();
      // Kapacitor goes on writing: into a connection that was gone it would write in vain, and report that.
      for (let sent = 0; sent < 300 && !kapacitor.failure; sent++) {
        kapacitor.point({ ...cpu, fields: { text: 'x'.repeat(1000) } });
        if (sent % 30 === 0) await turn();
      }
      await kapacitor.closed;
      expect(kapacitor.failure?.rule).toBe('error-response');
    }
  });

  test('cuts the connection if Kapacitor does not close it in five seconds', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const socket = await udfSocket(mirror);
    const transport = await socket.dial();
    transport.output.write(Buffer.of(1, 0));
    transport.input.resume();
    await once(transport.input, 'end');
    let closed = false;
    const { agent } = socket.served[0]!;
    void agent.closed.then(() => {
      closed = true;
    });
    await vi.advanceTimersByTimeAsync(4_900);
    expect(closed).toBe(false);
    await vi.advanceTimersByTimeAsync(200);
    await agent.closed;
  });
});
