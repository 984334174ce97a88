import { defineUdf } from 'kapacitor-udf';
import { describe, expect, test } from 'vitest';
import { Counters } from '../../src/agent/counters.js';
import { handlerTimeBounds, noStats, sumOfStats } from '../../src/model/statistics.js';
import { runUdf } from '../../src/testkit/run.js';
import mirror from '../../udfs/mirror/mirror.js';
import { kapacitorInMemory, udfSocket } from '../support/connection.js';
import { until } from '../support/until.js';

const cpu = { time: 1n, name: 'cpu', tags: { host: 'a' }, dimensions: ['host'], fields: { v: 1 } };

const failing = defineUdf({
  name: 'failing',
  wants: 'stream',
  provides: 'stream',
  point() {
    throw new Error('no value');
  },
});

const waiting = defineUdf({
  name: 'waiting',
  wants: 'stream',
  provides: 'stream',
  async point(point) {
    await new Promise((resolve) => setTimeout(resolve, 30));
    return point;
  },
});

describe('the statistics of a connection', () => {
  test('name its task and node from init on', async () => {
    const { agent, kapacitor } = kapacitorInMemory(mirror);
    expect(agent.use).toBeUndefined();
    await kapacitor.init();
    expect(agent.use).toEqual({ task: 'test', node: expect.any(String) as string });
    await kapacitor.stop();
  });

  test('are plain data: a copy by postMessage is equal, and a later change does not reach it', async () => {
    const { agent, kapacitor } = kapacitorInMemory(mirror);
    await kapacitor.init();
    const before = agent.stats;
    const copy = structuredClone(before);
    kapacitor.point(cpu);
    await kapacitor.received({ points: 1 });
    expect(copy).toEqual(before);
    expect(before.pointsIn).toBe(0);
    expect(agent.stats.handlerTime.seconds).toBeGreaterThan(before.handlerTime.seconds);
    await kapacitor.stop();
  });

  test.each([
    ['drop', 2],
    ['pass', 0],
  ] as const)('count the points that the policy %s drops: %d', async (onError, pointsDropped) => {
    const run = await runUdf(failing, { onError });
    await run.send('cpu v=1 1\ncpu v=2 2');
    expect(run.stats).toMatchObject({ errors: 2, pointsDropped, failures: {} });
    await run.stop();
  });

  test('count every point of a batch that was dropped', async () => {
    const failingBatch = defineUdf({
      name: 'failingBatch',
      wants: 'batch',
      provides: 'batch',
      onError: 'drop',
      batch() {
        throw new Error('no value');
      },
    });
    const run = await runUdf(failingBatch);
    const points = [1n, 2n, 3n].map((time) => ({ time, fields: { v: 1 } }));
    await run.send({ name: 'cpu', tags: {}, time: 9n, points });
    expect(run.stats).toMatchObject({ errors: 1, pointsDropped: 3 });
    await run.stop();
  });

  test('name the code of the error that ended it', async () => {
    const { agent, kapacitor } = kapacitorInMemory(failing);
    await kapacitor.init();
    kapacitor.point(cpu);
    await kapacitor.closed;
    await agent.closed;
    expect(agent.stats).toMatchObject({ errors: 1, pointsDropped: 0, failures: { handler: 1 } });
  });

  test('have the time of handlers, synchronous and async, in a histogram', async () => {
    const spinning = defineUdf({
      name: 'spinning',
      wants: 'stream',
      provides: 'stream',
      point() {
        for (const end = performance.now() + 30; performance.now() < end;);
      },
    });
    for (const definition of [spinning, waiting]) {
      const run = await runUdf(definition);
      await run.send('cpu v=1 1');
      const { seconds, counts } = run.stats.handlerTime;
      expect(seconds, definition.name).toBeGreaterThan(0.029);
      const slow = handlerTimeBounds.findIndex((bound) => bound > 0.029);
      expect(
        counts.slice(slow).reduce((sum, count) => sum + count),
        definition.name,
      ).toBeGreaterThanOrEqual(1); // on a busy machine, other turns may be slow too
      await run.stop();
    }
  });

  test('have the bytes that wait for a busy handler, and those that Kapacitor does not read', async () => {
    const { agent, kapacitor } = kapacitorInMemory(waiting);
    await kapacitor.init();
    for (let point = 0; point < 10; point++) kapacitor.point(cpu);
    await until('points wait', () => agent.stats.inputQueuedBytes > 0);
    await kapacitor.stop();
    expect(agent.stats.inputQueuedBytes).toBe(0);

    const socket = await udfSocket(mirror);
    const unread = await socket.kapacitor();
    await unread.init();
    unread.pauseReading();
    const text = 'x'.repeat(20_000);
    for (let point = 0; point < 500; point++) unread.point({ ...cpu, fields: { text } });
    const [served] = socket.served;
    await until('output waits', () => served!.agent.stats.outputQueuedBytes > 0);
    unread.resumeReading();
    await unread.stop();
    await served!.agent.closed;
    expect(served!.agent.stats.outputQueuedBytes).toBe(0);
  });

  test('have the time, size and duration of the last snapshot', async () => {
    const counting = defineUdf({
      name: 'counting',
      wants: 'stream',
      provides: 'stream',
      state: () => ({ seen: 0 }),
      point(_point, { state }) {
        state.seen++;
      },
    });
    const run = await runUdf(counting);
    expect(run.stats).toMatchObject({ snapshots: 0, lastSnapshot: undefined });
    const before = Date.now();
    const { length } = await run.snapshot();
    const { snapshots, lastSnapshot } = run.stats;
    expect(snapshots).toBe(1);
    expect(lastSnapshot!.bytes).toBeGreaterThanOrEqual(length);
    expect(lastSnapshot!.bytes).toBeLessThan(length + 20); // with the frame around it
    expect(lastSnapshot!.time).toBeGreaterThanOrEqual(before);
    expect(lastSnapshot!.time).toBeLessThanOrEqual(Date.now());
    expect(lastSnapshot!.seconds).toBeGreaterThan(0);
    await run.stop();
  });

  test('count the groups that expired, by time and by number', async () => {
    const counting = defineUdf({
      name: 'counting',
      wants: 'stream',
      provides: 'stream',
      state: () => ({ seen: 0 }),
      point(_point, { state }) {
        state.seen++;
      },
    });
    const old = await runUdf(counting, { groupBy: ['host'], options: { groupTtl: '10ns' } });
    await old.send('cpu,host=a v=1 1\ncpu,host=a v=1 20');
    expect(old.stats).toMatchObject({ groups: 1, groupsExpired: 1 });
    await old.stop();
    const many = await runUdf(counting, { groupBy: ['host'], maxGroups: 2 });
    await many.send('cpu,host=a v=1 1\ncpu,host=b v=1 2\ncpu,host=c v=1 3\ncpu,host=d v=1 4');
    expect(many.stats).toMatchObject({ groups: 2, groupsExpired: 2 });
    await many.stop();
  });
});

test('a UDF has at most 256 counters of its own; what it counts under more names is added to one called other', () => {
  const counters = new Counters();
  for (let number = 0; number < 1_000; number++) counters.count(`counter${number}`, 1);
  counters.count('counter3', 1);
  const { counters: counted } = counters.copy();
  expect(Object.keys(counted)).toHaveLength(257);
  expect(counted).toMatchObject({ counter3: 2, counter255: 1, other: 744 });
});

test('a sum has the counts of both, by name and by bucket', () => {
  const counts = noStats.handlerTime.counts.map((_, index) => index);
  const one = {
    ...noStats,
    handlerTime: { seconds: 1, counts },
    failures: { limit: 1 },
    restarts: { exit: 2 },
  };
  expect(sumOfStats(one, sumOfStats(noStats, one))).toMatchObject({
    handlerTime: { seconds: 2, counts: counts.map((count) => 2 * count) },
    failures: { limit: 2 },
    restarts: { exit: 4 },
  });
});
