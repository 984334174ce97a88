import { expect, test } from 'vitest';
import { type CountedAgent, statsByUdf, UseStatistics } from '../../src/host/use-statistics.js';
import { type AgentStats, noStats, type TaskUse, type UseStats } from '../../src/model/statistics.js';

interface Connection extends CountedAgent {
  use: TaskUse | undefined;
  stats: AgentStats;
}

function connection(use: TaskUse | undefined, stats: Partial<AgentStats> = {}): Connection {
  return { use, stats: { ...noStats, ...stats } };
}

const cpu = { task: 'cpu', node: 'udf2' };

function useOf(statistics: UseStatistics, { task, node }: TaskUse): UseStats | undefined {
  return statistics.uses().find((use) => use.task === task && use.node === node);
}

test('a use is listed by UDF, task and node, from its init on', () => {
  const statistics = new UseStatistics();
  const agent = connection(undefined, { bytesIn: 2 });
  statistics.opened(agent, 'mirror');
  expect(statistics.uses()).toMatchObject([{ udf: 'mirror', task: '', node: '', connections: 1 }]);
  agent.use = cpu;
  agent.stats = { ...noStats, pointsIn: 3 };
  expect(statistics.uses()).toMatchObject([
    { udf: 'mirror', ...cpu, connections: 1, stats: { pointsIn: 3 } },
  ]);
});

test('the counters of a use go on when its task is enabled again; its state and queues end with the connection', () => {
  const statistics = new UseStatistics();
  const lastSnapshot = { time: 1, bytes: 2, seconds: 3 };
  const first = connection(cpu, {
    pointsIn: 5,
    groups: 2,
    inputQueuedBytes: 7,
    outputQueuedBytes: 8,
    lastSnapshot,
    failures: { connection: 1 },
    counters: { late: 1 },
  });
  statistics.opened(first, 'mirror');
  statistics.closed(first);
  expect(useOf(statistics, cpu)).toMatchObject({
    connections: 0,
    stats: { pointsIn: 5, groups: 0, inputQueuedBytes: 0, outputQueuedBytes: 0, lastSnapshot: undefined },
  });
  const second = connection(cpu, { pointsIn: 2, groups: 1, lastSnapshot, counters: { late: 2, missing: 1 } });
  statistics.opened(second, 'mirror');
  expect(useOf(statistics, cpu)).toMatchObject({
    connections: 1,
    stats: {
      pointsIn: 7,
      groups: 1,
      lastSnapshot,
      failures: { connection: 1 },
      counters: { late: 3, missing: 1 },
    },
  });
});

test('a counter never falls from one report to the next, as that of a worker does which repeats input', () => {
  const statistics = new UseStatistics();
  const agent = connection(cpu, { errors: 5, groups: 3, counters: { late: 9 }, restarts: {} });
  statistics.opened(agent, 'mirror');
  expect(useOf(statistics, cpu)).toMatchObject({ stats: { errors: 5, counters: { late: 9 } } });
  agent.stats = {
    ...noStats,
    errors: 2,
    groups: 1,
    counters: { late: 4, missing: 1 },
    restarts: { exit: 1 },
  };
  const expected = { errors: 5, groups: 1, counters: { late: 9, missing: 1 }, restarts: { exit: 1 } };
  expect(useOf(statistics, cpu)).toMatchObject({ stats: expected });
  statistics.closed(agent);
  expect(useOf(statistics, cpu)).toMatchObject({ stats: { ...expected, groups: 0 } });
});

test('two connections of one use are one entry: of their snapshots the bytes add up, and the older time counts', () => {
  const statistics = new UseStatistics();
  statistics.opened(connection(cpu, { lastSnapshot: { time: 10, bytes: 1, seconds: 3 } }), 'mirror');
  statistics.opened(connection(cpu, { lastSnapshot: { time: 20, bytes: 2, seconds: 1 } }), 'mirror');
  expect(statistics.uses()).toMatchObject([
    { connections: 2, stats: { lastSnapshot: { time: 10, bytes: 3, seconds: 3 } } },
  ]);
});

test('of more than a thousand ended uses the oldest are counted together, and no sum of a UDF ever falls', () => {
  const statistics = new UseStatistics();
  const open = connection(cpu, { pointsIn: 1 });
  statistics.opened(open, 'mirror');
  statistics.opened(connection(cpu, { pointsIn: 1 }), 'mirror');
  statistics.closed(open); // the oldest of the ended ones, but its use is still open
  let points = 2;
  for (let number = 0; number < 1_500; number++) {
    const agent = connection({ task: `task${number}`, node: 'udf2' }, { pointsIn: 1 });
    statistics.opened(agent, 'mirror');
    statistics.closed(agent);
    points++;
    if (number % 100 === 0) {
      expect(statsByUdf(['mirror'], statistics.uses())[0]!.stats.pointsIn).toBe(points);
    }
  }
  expect(statistics.uses().length).toBeLessThanOrEqual(1_001);
  expect(useOf(statistics, cpu)).toMatchObject({ connections: 1, stats: { pointsIn: 2 } });
  expect(useOf(statistics, { task: 'task1499', node: 'udf2' })).toMatchObject({ stats: { pointsIn: 1 } });
  expect(useOf(statistics, { task: 'task0', node: 'udf2' })).toBeUndefined();
  expect(useOf(statistics, { task: '', node: '' })!.stats.pointsIn).toBeGreaterThanOrEqual(500);
});

test('a name that a connection sends is cut to a label of bounded size', () => {
  const statistics = new UseStatistics();
  statistics.opened(connection({ task: 'x'.repeat(100_000), node: 'ü'.repeat(100_000) }), 'mirror');
  const [{ task, node }] = statistics.uses() as [UseStats];
  expect(Buffer.byteLength(task)).toBeLessThanOrEqual(256);
  expect(Buffer.byteLength(node)).toBeLessThanOrEqual(256);
});

test('the uses of a UDF add up to its sum, and a UDF that was never used has zeros', () => {
  const statistics = new UseStatistics();
  for (const task of ['a', 'b']) {
    statistics.opened(connection({ task, node: 'n' }, { pointsIn: 2, restarts: { exit: 1 } }), 'mirror');
  }
  statistics.opened(connection(undefined, { bytesIn: 9 }), 'mirror');
  expect(statsByUdf(['mirror', 'outliers'], statistics.uses())).toMatchObject([
    { udf: 'mirror', connections: 3, stats: { pointsIn: 4, bytesIn: 9, restarts: { exit: 2 } } },
    { udf: 'outliers', connections: 0, stats: noStats },
  ]);
});
