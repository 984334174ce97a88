import { setImmediate as turn } from 'node:timers/promises';
import { defineUdf } from 'kapacitor-udf';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { resolveLimits } from '../../src/agent/limits.js';
import { encodeRequest } from '../../src/wire/messages.js';
import mirrorBatch from '../../udfs/mirror-batch/mirror-batch.js';
import mirror from '../../udfs/mirror/mirror.js';
import { kapacitorInMemory, udfSocket } from '../support/connection.js';

afterEach(() => {
  vi.useRealTimers();
});

const text = (bytes: number, character = 'x') => ({ text: character.repeat(bytes) });
const cpu = { time: 1n, name: 'cpu', fields: { v: 1 } };

/** Keeps what it is given. */
const keeper = defineUdf({
  name: 'keeper',
  wants: 'stream',
  provides: 'stream',
  state: () => ({ kept: '' }),
  point(point, { state, emit }) {
    state.kept = (point.field('text') as string | undefined) ?? state.kept;
    emit(point.replaceFields({ kept: state.kept.length }));
  },
});

describe('a message', () => {
  test('above messageBytes ends its connection with an error that names the limit; the others go on', async () => {
    const socket = await udfSocket(mirror, { limits: { messageBytes: 1000 } });
    const large = await socket.kapacitor();
    const other = await socket.kapacitor();
    await large.init();
    await other.init();
    large.point({ ...cpu, fields: text(900) });
    await large.received({ points: 1 });
    large.point({ ...cpu, fields: text(1000) });
    await large.closed;
    expect(large.failure).toMatchObject({
      rule: 'error-response',
      detail: expect.stringMatching(
        /^mirror: task test: a message of 10\d\d bytes is above the limit of 1000 \(messageBytes\)$/,
      ) as string,
    });
    other.point(cpu);
    expect((await other.stop()).points).toHaveLength(1);
  });

  test('that restores a snapshot may be as large as a snapshot may be', async () => {
    const limits = { messageBytes: 200_000, snapshotBytes: 400_000 };
    const first = kapacitorInMemory(keeper, { limits });
    await first.kapacitor.init();
    // A snapshot stores equal strings once.
    for (const group of ['a', 'b']) {
      first.kapacitor.point({ ...cpu, group, fields: text(150_000, group) });
    }
    const snapshot = await first.kapacitor.snapshot();
    await first.kapacitor.stop();
    expect(snapshot.length).toBeGreaterThan(limits.messageBytes);

    const socket = await udfSocket(keeper, { limits });
    const kapacitor = await socket.kapacitor();
    await kapacitor.init();
    await kapacitor.restore(snapshot);
    kapacitor.point({ ...cpu, group: 'b' });
    expect((await kapacitor.stop()).points[0]?.field('kept')).toBe(150_000);
  });
});

describe('a snapshot', () => {
  test('above snapshotBytes ends the connection instead of being written', async () => {
    const { kapacitor } = kapacitorInMemory(keeper, { limits: { snapshotBytes: 1000 } });
    await kapacitor.init();
    kapacitor.point({ ...cpu, fields: text(1000) });
    await expect(kapacitor.snapshot()).rejects.toMatchObject({
      rule: 'error-response',
      detail: 'keeper: task test: the state of 1 groups takes more than 1000 bytes (snapshotBytes)',
    });
  });

  test.each([500, 5000, 5_000_000])('of %i bytes, above snapshotBytes, is not restored', async (bytes) => {
    const limits = { messageBytes: 1000, snapshotBytes: 400 };
    const socket = await udfSocket(keeper, { limits });
    const kapacitor = await socket.kapacitor();
    await kapacitor.init();
    await expect(kapacitor.restore(Buffer.alloc(bytes))).rejects.toMatchObject({
      rule: 'error-response',
      detail: expect.stringMatching(
        /^keeper: task test: a (snapshot|message) of \d+ bytes is above the limit of .*\(snapshotBytes\)$/,
      ) as string,
    });
  });
});

describe('a batch', () => {
  test('above batchBytes, collected for its handler, ends the connection', async () => {
    const { kapacitor } = kapacitorInMemory(mirrorBatch, { limits: { batchBytes: 10_000 } });
    await kapacitor.init();
    const points = (count: number) => Array.from({ length: count }, () => ({ time: 1n, fields: text(1000) }));
    kapacitor.batch({ name: 'cpu', time: 1n, points: points(9) });
    kapacitor.batch({ name: 'cpu', time: 1n, points: points(9) });
    await kapacitor.received({ batches: 2 });
    kapacitor.write(
      encodeRequest({ kind: 'begin', name: 'cpu', group: '', tags: {}, size: 0n, byName: false }),
    );
    for (let sent = 0; sent < 20 && !kapacitor.failure; sent++)
      kapacitor.point({ ...cpu, fields: text(1000) });
    await kapacitor.closed;
    expect(kapacitor.failure?.detail).toBe(
      'mirrorBatch: task test: a batch takes more than 10000 bytes (batchBytes); handle it point by point',
    );
  });

  test('of points that are next to nothing counts what they take in memory', async () => {
    const { kapacitor } = kapacitorInMemory(mirrorBatch, { limits: { batchBytes: 100_000 } });
    await kapacitor.init();
    kapacitor.write(
      encodeRequest({ kind: 'begin', name: 'cpu', group: '', tags: {}, size: 0n, byName: false }),
    );
    const point = Buffer.of(3, 0x8a, 0x01, 0); // a Request with a Point that has nothing set
    for (let sent = 0; sent < 2000 && !kapacitor.failure; sent++) kapacitor.write(point);
    await kapacitor.closed;
    expect(kapacitor.failure?.detail).toMatch('a batch takes more than 100000 bytes (batchBytes)');
  });

  test.each([false, true])(
    'above batchBytes, emitted point by point, ends the connection (ignored: %s)',
    async (ignore) => {
      const copying = defineUdf({
        name: 'copying',
        wants: 'batch',
        provides: 'batch',
        onError: 'drop',
        point(point, { emit }) {
          try {
            for (let copy = 0; copy < 10; copy++) emit(point);
          } catch (error) {
            if (!ignore) throw error;
          }
        },
      });
      const { kapacitor } = kapacitorInMemory(copying, { limits: { batchBytes: 10_000 } });
      await kapacitor.init();
      kapacitor.batch({ name: 'cpu', time: 1n, points: [{ time: 1n, fields: text(1000) }] });
      await kapacitor.closed;
      expect(kapacitor.failure?.detail).toBe(
        'copying: task test: a batch that is emitted takes more than 10000 bytes (batchBytes)',
      );
    },
  );

  test('that is handled point by point may have any size', async () => {
    let seen = 0;
    const streaming = defineUdf({
      name: 'streaming',
      wants: 'batch',
      provides: 'stream',
      point: () => {
        seen++;
      },
    });
    const { kapacitor } = kapacitorInMemory(streaming, { limits: { batchBytes: 1000 } });
    await kapacitor.init();
    kapacitor.batch({
      name: 'cpu',
      time: 1n,
      points: Array.from({ length: 50 }, () => ({ time: 1n, fields: text(1000) })),
    });
    await kapacitor.stop();
    expect(seen).toBe(50);
  });
});

describe('what is emitted and not read', () => {
  /** Emits ten thousand points for each that comes, at once or now and then, and may ignore that it is too much. */
  function flood(pace: 'sync' | 'async', ignore: boolean) {
    const emitOne = (emit: () => void): void => {
      try {
        emit();
      } catch (error) {
        if (!ignore) throw error;
      }
    };
    return defineUdf({
      name: 'flood',
      wants: 'stream',
      provides: 'stream',
      onError: 'drop',
      point(point, { emit, signal }) {
        const some = (count: number): void => {
          for (let index = 0; index < count; index++) {
            emitOne(() => {
              emit(point);
            });
          }
        };
        if (pace === 'sync') {
          some(10_000);
          return;
        }
        return (async () => {
          for (let round = 0; round < 100 && !signal.aborted; round++) {
            some(100);
            await turn();
          }
        })();
      },
    });
  }

  const cases = (['sync', 'async'] as const).flatMap((pace) => [
    { pace, ignore: false },
    { pace, ignore: true },
  ]);
  test.each(cases)(
    'above outputBytes ends the connection ($pace, ignored: $ignore)',
    async ({ pace, ignore }) => {
      const socket = await udfSocket(flood(pace, ignore), { limits: { outputBytes: 2_000_000 } });
      const kapacitor = await socket.kapacitor();
      await kapacitor.init();
      kapacitor.pauseReading();
      kapacitor.point({ ...cpu, fields: text(1000) });
      const { agent, log } = socket.served[0]!;
      while (!agent.failure) await turn();
      expect(agent.failure).toMatchObject({
        code: 'limit',
        message:
          'more than 2000000 bytes are waiting for Kapacitor to read them (outputBytes); a handler that emits so much ' +
          'returns an array, or calls "await drained()" in between',
      });
      // Twice the limit is room for the system's buffers and for one flush.
      expect(agent.stats.bytesOut).toBeLessThan(4_000_000);
      expect(log.filter(({ message }) => message.includes('outputBytes'))).toHaveLength(1);
      // Whoever reads again still gets what there was, and the error behind it.
      kapacitor.resumeReading();
      await kapacitor.closed;
      expect(kapacitor.failure?.rule).toBe('error-response');
      expect(kapacitor.points.length).toBeGreaterThan(1000);
    },
  );
});

test('a snapshot above outputBytes goes out whole, since snapshotBytes is its limit', async () => {
  const limits = { outputBytes: 100_000 };
  const socket = await udfSocket(keeper, { limits });
  const kapacitor = await socket.kapacitor();
  await kapacitor.init();
  for (const group of ['a', 'b', 'c']) kapacitor.point({ ...cpu, group, fields: text(1_000_000, group) });
  await kapacitor.received({ points: 3 });
  kapacitor.pauseReading();
  const asked = kapacitor.snapshot();
  const { agent } = socket.served[0]!;
  while (agent.stats.bytesOut < 3_000_000) await turn();
  expect(agent.failure).toBeUndefined();
  kapacitor.resumeReading();
  expect((await asked).length).toBeGreaterThan(3_000_000);
  kapacitor.point(cpu);
  expect((await kapacitor.stop()).points).toHaveLength(4);
});

test('too much that is emitted from a timer ends its connection, not the process', async () => {
  let thrown: unknown;
  const ticking = defineUdf({
    name: 'ticking',
    wants: 'stream',
    provides: 'stream',
    point(point, { emit, signal }) {
      const timer = setInterval(() => {
        try {
          for (let index = 0; index < 1000; index++) emit(point);
        } catch (error) {
          thrown = error;
        }
      }, 1);
      signal.addEventListener('abort', () => {
        clearInterval(timer);
      });
    },
  });
  const socket = await udfSocket(ticking, { limits: { outputBytes: 2_000_000 } });
  const kapacitor = await socket.kapacitor();
  await kapacitor.init();
  kapacitor.pauseReading();
  kapacitor.point({ ...cpu, fields: text(1000) });
  const { agent } = socket.served[0]!;
  while (!agent.failure) await turn();
  expect(agent.failure).toMatchObject({ code: 'limit' });
  expect(thrown).toBeUndefined();
});

test('a heartbeat goes out behind output that is above its limit: only who emits more is told', async () => {
  const waiting = defineUdf({
    name: 'waiting',
    wants: 'stream',
    provides: 'stream',
    async point(point, { emit, signal }) {
      emit(point);
      await new Promise((resolve) => {
        signal.addEventListener('abort', resolve);
      });
    },
  });
  const limits = { outputBytes: 1000, inputBytes: 10_000 };
  const { kapacitor, agent } = kapacitorInMemory(waiting, { limits });
  await kapacitor.init();
  kapacitor.pauseReading();
  kapacitor.point({ ...cpu, fields: text(150_000) });
  for (let sent = 0; sent < 50; sent++) kapacitor.point({ ...cpu, fields: text(1000) });
  await vi.waitFor(() => {
    expect(agent.stats.bytesOut).toBeGreaterThan(150_000);
  });
  kapacitor.resumeReading();
  await vi.waitFor(() => {
    expect(kapacitor.keepalives).toBeGreaterThan(1);
  });
  expect(agent.failure).toBeUndefined();
});

describe('a handler', () => {
  const never = defineUdf({
    name: 'never',
    wants: 'stream',
    provides: 'stream',
    point: (point) => (point.field('v') === 1 ? new Promise(() => undefined) : undefined),
  });

  test('that takes longer than handlerMs ends the connection, and is told so by its signal', async () => {
    vi.useFakeTimers();
    const { kapacitor, agent } = kapacitorInMemory(never, { limits: { handlerMs: 1000 } });
    await kapacitor.init();
    kapacitor.point(cpu);
    await vi.advanceTimersByTimeAsync(999);
    expect(agent.failure).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(agent.failure).toMatchObject({ code: 'handler_timeout' });
    expect(kapacitor.failure?.detail).toBe(
      'never: task test: a handler took longer than 1000 ms (handlerMs)',
    );
  });

  test('has that long for itself: to store and restore very many groups may take longer', async () => {
    const limits = { handlerMs: 1 };
    const first = kapacitorInMemory(keeper, { limits }, { writes: 'coalesced' });
    await first.kapacitor.init();
    for (let group = 0; group < 20_000; group++) first.kapacitor.point({ ...cpu, group: `g${group}` });
    await first.kapacitor.received({ points: 20_000 });
    const start = performance.now();
    const snapshot = await first.kapacitor.snapshot();
    expect(performance.now() - start).toBeGreaterThan(limits.handlerMs);

    const second = kapacitorInMemory(keeper, { limits });
    await second.kapacitor.init();
    await second.kapacitor.restore(snapshot);
    await second.kapacitor.stop();
  });

  test('may take for ever if handlerMs is 0', async () => {
    vi.useFakeTimers();
    const { kapacitor, agent } = kapacitorInMemory(never, { limits: { handlerMs: 0 } });
    await kapacitor.init();
    kapacitor.point(cpu);
    await vi.advanceTimersByTimeAsync(10 * 60_000);
    expect(agent.failure).toBeUndefined();
    expect(kapacitor.failure).toBeUndefined();
  });
});

test.each<[limits: object, message: string]>([
  [{ messageBytes: -1 }, 'limit messageBytes must be a whole number from 0, got -1'],
  [{ messageBytes: 2 ** 30 }, 'limit messageBytes must be at most 1072693248, got 1073741824'],
  [{ handlerMs: 1.5 }, 'limit handlerMs must be a whole number from 0, got 1.5'],
  [{ handlerMs: 3e9 }, 'limit handlerMs must be at most 2147483647, got 3000000000; 0 is no limit'],
  [
    { handlersMs: 1 },
    'there is no limit handlersMs; there are messageBytes, inputBytes, outputBytes, batchBytes, snapshotBytes, handlerMs',
  ],
  [{ outputBytes: NaN }, 'limit outputBytes must be a whole number from 0, got NaN'],
])('limits that are none are refused: %o', (limits, message) => {
  expect(() => resolveLimits(limits)).toThrow(message);
});
