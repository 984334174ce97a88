import { Readable } from 'node:stream';
import { createPoint, defineUdf, type Timer, type TimerSetting } from 'kapacitor-udf';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { encodeTick } from '../../src/agent/timers/tick.js';
import { openRecording } from '../../src/recording/open.js';
import { replay } from '../../src/replay/replay.js';
import { runUdf } from '../../src/testkit/run.js';
import { expectBatches } from '../../src/expect/expect.js';
import { agentInMemory, kapacitorInMemory } from '../support/connection.js';

const second = 1_000_000_000n;

/** Emits what each timer is; points set timers by their fields. */
const timed = defineUdf({
  name: 'timed',
  wants: 'stream',
  provides: 'stream',
  options: {},
  state: () => ({ points: 0 }),
  point(point, { state, timers }) {
    state.points++;
    const { name, at, after, clock, cancel } = point.fields as Readonly<Record<string, string | bigint>>;
    if (cancel !== undefined) timers.cancel(cancel as string);
    if (name === undefined) return;
    const when = at === undefined ? { after: after as string } : { at: (at as bigint) * second };
    timers.set(name as string, { ...when, clock: (clock ?? 'event') as Timer['clock'] });
  },
  timer({ name, time, clock }, { newPoint, state, now }) {
    const seconds = Number(time / second);
    return newPoint({ name, seconds, clock, points: state.points, now: Number(now() / second) });
  },
});

const at = (seconds: number): bigint => BigInt(seconds) * second;

describe('a timer of the event clock', () => {
  test("fires when its group's time has reached it, before the point that does is handled", async () => {
    const run = await runUdf(timed, { groupBy: ['host'] });
    await run.send('cpu,host=a name="x",after="10s" 0');
    expect((await run.send(`cpu,host=b v=1 ${at(60)}\ncpu,host=a v=1 ${at(9)}`)).points).toEqual([]);
    const { points } = await run.send(`cpu,host=a v=1 ${at(10)}`);
    expect(points.map(({ time, name, tags, fields }) => ({ time, name, tags, fields }))).toEqual([
      {
        time: at(10),
        name: 'cpu',
        tags: { host: 'a' },
        fields: { name: 'x', seconds: 10, clock: 'event', points: 2, now: 0 },
      },
    ]);
    expect((await run.send(`cpu,host=a v=1 ${at(30)}`)).points).toEqual([]);
  });

  test('fires in order of time, and in order of setting where times are the same', async () => {
    const run = await runUdf(timed);
    for (const [name, time] of [
      ['d', 30],
      ['b', 20],
      ['c', 20],
      ['a', 10],
    ] as const) {
      await run.send(`cpu name="${name}",at=${time}i 0`);
    }
    const { points } = await run.send(`cpu v=1 ${at(40)}`);
    expect(points.map((point) => point.field('name'))).toEqual(['a', 'b', 'c', 'd']);
  });

  test('is replaced by one of the same name, also of another clock, and can be cancelled', async () => {
    const run = await runUdf(timed);
    await run.send('cpu name="x",at=10i 0\ncpu name="y",at=10i 0\ncpu name="z",at=10i 0');
    await run.send('cpu name="x",at=20i 0\ncpu name="y",at=10i,clock="wall" 0\ncpu cancel="z" 0');
    expect((await run.send(`cpu v=1 ${at(15)}`)).points).toEqual([]);
    expect((await run.send(`cpu v=1 ${at(20)}`)).points.map((point) => point.field('name'))).toEqual(['x']);
    expect((await run.advance('10s')).points.map((point) => point.field('name'))).toEqual(['y']);
  });

  test('may set the next one, which the same point may reach too', async () => {
    const ticking = defineUdf({
      name: 'ticking',
      wants: 'stream',
      provides: 'stream',
      point: (_point, { timers }) => {
        if (timers.get('tick') === undefined) timers.set('tick', { after: '1s' });
      },
      timer(_timer, { newPoint, timers }) {
        timers.set('tick', { after: second });
        return newPoint({ tick: true });
      },
    });
    const run = await runUdf(ticking, { groupBy: ['host'] });
    const { points } = await run.send(`cpu,host=a v=1 0\ncpu,host=a v=1 ${at(3)}`);
    expect(points.map(({ time }) => time)).toEqual([at(1), at(2), at(3)]);
  });
});

describe('a timer that sets itself for a time that has passed', () => {
  /** Sets itself again by each firing, for the same time or an earlier one. */
  const restless = (when: TimerSetting, first: bigint = at(1)) =>
    defineUdf({
      name: 'restless',
      wants: 'stream',
      provides: 'stream',
      point(point, { timers }) {
        if (timers.get('x') === undefined) timers.set('x', { at: first, clock: when.clock });
        return point.replaceFields({ from: 'point' });
      },
      timer(_timer, { timers, newPoint }) {
        timers.set('x', when);
        return newPoint({ from: 'timer' });
      },
    });

  const from = (points: readonly { field(name: string): unknown }[]) =>
    points.map((point) => point.field('from'));

  test.each([
    ['after nothing', { after: 0n }],
    ['after a negative time', { after: -5n }],
    ['at a time long ago', { at: 0n }],
    ['by the clock of the connection', { after: 0n, clock: 'connection' }],
  ] as const)('%s fires once with each point', async (_what, when) => {
    const run = await runUdf(restless(when));
    await run.send('cpu v=1 0');
    expect(from((await run.send(`cpu v=1 ${at(5)}`)).points)).toEqual(['timer', 'point']);
    expect(from((await run.send(`cpu v=1 ${at(5)}\ncpu v=1 ${at(6)}`)).points)).toEqual([
      ...['timer', 'point'],
      ...['timer', 'point'],
    ]);
  });

  test('by the wall clock fires once with each move of the clock', async () => {
    const run = await runUdf(restless({ at: 0n, clock: 'wall' }));
    await run.send('cpu v=1 0');
    expect(from((await run.advance('10s')).points)).toEqual(['timer']);
    expect(from((await run.advance('0s')).points)).toEqual(['timer']);
  });

  test('by the wall clock fires at its own time and at the present, then waits', async () => {
    const run = await runUdf(restless({ after: 0n, clock: 'wall' }));
    await run.send('cpu v=1 0');
    expect((await run.advance('10s')).points.map(({ time }) => time)).toEqual([at(1)]);
    expect((await run.advance('0s')).points.map(({ time }) => time)).toEqual([at(1), at(10)]);
    expect((await run.advance('0s')).points.map(({ time }) => time)).toEqual([at(10)]);
  });

  test('fires after two timers that set each other too', async () => {
    const pair = defineUdf({
      name: 'pair',
      wants: 'stream',
      provides: 'stream',
      point: (_point, { timers }) => {
        timers.set('a', { at: at(1) });
      },
      timer({ name, time }, { timers, newPoint }) {
        timers.set(name === 'a' ? 'b' : 'a', { at: time });
        return newPoint({ name });
      },
    });
    const run = await runUdf(pair);
    await run.send('cpu v=1 0');
    const { points } = await run.send(`cpu v=1 ${at(2)}`);
    expect(points.map((point) => point.field('name'))).toEqual(['a']);
  });

  test('can be cancelled, or set for a later time that the same point reaches', async () => {
    const udf = defineUdf({
      name: 'changing',
      wants: 'stream',
      provides: 'stream',
      point: (_point, { timers }) => {
        if (timers.get('x') === undefined) timers.set('x', { at: at(1) });
      },
      timer({ time }, { timers, newPoint }) {
        timers.set('x', { at: time });
        timers.set('x', { at: time + second });
        timers.set('y', { at: time });
        timers.cancel('y');
        return newPoint({ from: 'timer' });
      },
    });
    const run = await runUdf(udf);
    await run.send('cpu v=1 0');
    expect((await run.send(`cpu v=1 ${at(3)}`)).points.map(({ time }) => time)).toEqual([
      at(1),
      at(2),
      at(3),
    ]);
    const again = await run.restart();
    expect((await again.send(`cpu v=1 ${at(4)}`)).points.map(({ time }) => time)).toEqual([at(4)]);
  });

  test('is part of a snapshot, and fires after the restore', async () => {
    const run = await runUdf(restless({ after: 0n }));
    await run.send(`cpu v=1 0\ncpu v=1 ${at(5)}`);
    const again = await run.restart();
    expect(from((await again.send(`cpu v=1 ${at(5)}`)).points)).toEqual(['timer', 'point']);
  });
});

test('a timer of the connection clock fires when a point of any group has reached it', async () => {
  const run = await runUdf(timed, { groupBy: ['host'] });
  await run.send('cpu,host=a name="a",after="10s",clock="connection" 0');
  await run.send('cpu,host=b name="b",after="5s",clock="connection" 0\ncpu,host=b name="e",after="7s" 0');
  const { points } = await run.send(`cpu,host=b v=1 ${at(12)}`);
  expect(points.map((point) => [point.tag('host'), point.field('name')])).toEqual([
    ['b', 'b'],
    ['b', 'e'],
    ['a', 'a'],
  ]);
});

describe('a timer of the wall clock', () => {
  test('fires without a point, at its own time', async () => {
    const run = await runUdf(timed, { groupBy: ['host'], now: at(100) });
    await run.send('cpu,host=a name="x",after="10s",clock="wall" 0');
    await run.send('cpu,host=b name="y",after="5s",clock="wall" 0');
    expect((await run.advance('4s')).points).toEqual([]);
    const { points } = await run.advance('1m');
    expect(points.map(({ fields: { name, seconds, now } }) => [name, seconds, now])).toEqual([
      ['y', 105, 105],
      ['x', 110, 110],
    ]);
    expect(run.now).toBe(at(164));
  });

  test('is a deadman that each point puts off', async () => {
    const deadman = defineUdf({
      name: 'deadman',
      wants: 'stream',
      provides: 'stream',
      point(_point, { timers }) {
        timers.set('silent', { after: '30s', clock: 'wall' });
      },
      timer: (_timer, { newPoint }) => newPoint({ silent: true }),
    });
    const run = await runUdf(deadman, { groupBy: ['host'] });
    for (let round = 0; round < 5; round++) {
      await run.send('cpu,host=a v=1 0\ncpu,host=b v=1 0');
      expect((await run.advance('20s')).points).toEqual([]);
    }
    await run.send('cpu,host=a v=1 0');
    expect((await run.advance('1h')).points.map((point) => [point.tag('host'), point.time])).toEqual([
      ['b', at(110)],
      ['a', at(130)],
    ]);
  });

  test('fires in a replay as it did live: by the times of the recording', async () => {
    const lines = `cpu,host=a name="x",after="10s",clock="wall" ${at(5)}
      cpu,host=b v=1 ${at(14)}
      cpu,host=b name="y",after="1s",clock="wall" ${at(20)}
      cpu,host=b v=1 ${at(21)}`;
    const live = await runUdf(timed, { groupBy: ['host'], now: at(5) });
    const [first, ...rest] = lines.split('\n').map((line) => line.trim());
    await live.send(first!);
    for (const [index, line] of rest.entries()) {
      await live.advance(at([14, 20, 21][index]!) - live.now);
      await live.send(line);
    }
    const { points } = await live.stop();
    const recording = await openRecording(Readable.from([Buffer.from(lines)]), {
      format: 'lp',
      groupBy: ['host'],
    });
    const replayed = await replay(recording, timed);
    expect(replayed.points.map(({ time, tags, fields }) => ({ time, tags, fields }))).toEqual(
      points.map(({ time, tags, fields }) => ({ time, tags, fields })),
    );
    expect(points).toHaveLength(2);
  });
});

describe('snapshots', () => {
  test('hold the timers of all clocks', async () => {
    const run = await runUdf(timed, { groupBy: ['host'] });
    await run.send('cpu,host=a name="e",after="10s" 0\ncpu,host=a name="w",after="10s",clock="wall" 0');
    await run.send('cpu,host=b name="c",after="10s",clock="connection" 0\ncpu,host=none v=1 0');
    const again = await run.restart();
    expect((await again.advance('10s')).points.map((point) => point.field('name'))).toEqual(['w']);
    const { points } = await again.send(`cpu,host=a v=1 ${at(10)}`);
    expect(points.map((point) => [point.tag('host'), point.field('name')])).toEqual([
      ['a', 'e'],
      ['b', 'c'],
    ]);
  });

  test('hold the timers of a UDF without a state', async () => {
    const stateless = defineUdf({
      name: 'stateless',
      wants: 'stream',
      provides: 'stream',
      point: (_point, { timers }) => {
        timers.set('x', { after: '10s' });
      },
      timer: ({ time }, { newPoint, group }) => newPoint({ group, seconds: Number(time / second) }),
    });
    const run = await runUdf(stateless, { groupBy: ['host'] });
    await run.send('cpu,host=a v=1 0\ncpu,host=b v=1 0');
    const again = await run.restart();
    const { points } = await again.send(`cpu,host=b v=1 ${at(10)}`);
    expect(points.map(({ fields }) => fields)).toEqual([{ group: 'host=b', seconds: 10 }]);
  });

  test('an overdue timer of the wall clock fires soon after the restore', async () => {
    const run = await runUdf(timed);
    await run.send('cpu name="x",after="10s",clock="wall" 0');
    const snapshot = await run.snapshot();
    const again = await runUdf(timed, { snapshot, now: at(1000) });
    expect((await again.advance('0s')).points.map((point) => point.field('seconds'))).toEqual([10]);
  });

  test('of versions without timers are read as before', async () => {
    const before = defineUdf({
      name: 'timed',
      wants: 'stream',
      provides: 'stream',
      state: () => ({ points: 0 }),
      point: (_p, { state }) => {
        state.points++;
      },
    });
    const old = await runUdf(before);
    await old.send('cpu v=1 0\ncpu v=1 0');
    const run = await runUdf(timed, { snapshot: await old.snapshot() });
    await run.send('cpu name="x",after="1s" 0');
    const { points } = await run.send(`cpu v=1 ${at(1)}`);
    expect(points[0]!.field('points')).toBe(3);
    const back = await runUdf(before, { snapshot: await run.snapshot() });
    expect(back.log.filter(({ level }) => level === 'error')).toEqual([]);
  });
});

test('a group that expires loses its timers', async () => {
  const run = await runUdf(timed, { groupBy: ['host'], groupTtl: 60n * second });
  await run.send('cpu,host=a name="x",after="10s" 0\ncpu,host=b name="w",after="5m",clock="wall" 0');
  await run.send(`cpu,host=a v=1 ${at(100)}\ncpu,host=c v=1 ${at(100)}`);
  expect((await run.advance('1h')).points).toEqual([]);
  expect(run.points).toEqual([]);
});

describe('edges', () => {
  const batch = (time: number, host = 'a') => ({
    ...{ name: 'cpu', group: `host=${host}`, tags: { host }, time: at(time) },
    points: [{ time: at(time - 1), fields: { v: 1 } }],
  });

  test('a stream becomes batches: a timer emits a whole one', async () => {
    const collecting = defineUdf({
      name: 'collecting',
      wants: 'stream',
      provides: 'batch',
      state: () => ({ values: [] as { time: bigint; fields: { v: number } }[] }),
      point(point, { state, timers }) {
        if (timers.get('full') === undefined) timers.set('full', { after: '10s' });
        state.values.push({ time: point.time, fields: { v: point.number('v')! } });
      },
      timer(_timer, { newBatch, state }) {
        return newBatch(state.values.splice(0));
      },
    });
    const run = await runUdf(collecting, { groupBy: ['host'] });
    const { batches } = await run.send(`cpu,host=a v=1 0\ncpu,host=a v=2 ${at(9)}\ncpu,host=a v=3 ${at(10)}`);
    expectBatches(batches, [
      {
        ...{ name: 'cpu', group: 'host=a', tags: { host: 'a' }, time: at(10) },
        points: [
          { time: 0n, fields: { v: 1 } },
          { time: at(9), fields: { v: 2 } },
        ],
      },
    ]);
  });

  test.each(['stream', 'batch'] as const)('batches handled as a whole become a %s', async (provides) => {
    const udf = defineUdf({
      name: 'late',
      wants: 'batch',
      provides,
      batch(_batch, { timers }) {
        timers.set('x', { after: '30s', clock: 'wall' });
        timers.set('e', { after: '10s' });
      },
      timer({ name }, { newPoint, newBatch }) {
        const item = provides === 'stream' ? newPoint({ name }) : newBatch([{ time: 0n, fields: { name } }]);
        return item; // of the type that `provides` names
      },
    });
    const run = await runUdf(udf);
    await run.send(batch(10));
    await run.send(batch(15, 'b'));
    await run.send(batch(20));
    await run.advance('30s');
    const { points, batches } = await run.stop();
    const emitted = provides === 'stream' ? points : batches;
    expect(emitted.map(({ time, name, group }) => [time, name, group])).toEqual([
      [at(20), 'cpu', 'host=a'],
      [at(30), 'cpu', 'host=b'],
      [at(30), 'cpu', 'host=a'],
    ]);
  });

  test('batches handled point by point: timers fire between batches, as batches of their own', async () => {
    const udf = defineUdf({
      name: 'streamed',
      wants: 'batch',
      provides: 'batch',
      point(point, { timers }) {
        if (timers.get('x') === undefined) timers.set('x', { after: '10s' });
        return point;
      },
      timer: ({ time }, { newBatch }) => newBatch([{ time, fields: { timer: true } }]),
    });
    const run = await runUdf(udf);
    const { batches } = await run.send([batch(10), batch(21)]);
    expect(batches.map(({ time, points }) => [time, points.map(({ fields }) => fields)])).toEqual([
      [at(10), [{ v: 1 }]],
      [at(21), [{ v: 1 }]],
      [at(19), [{ timer: true }]],
    ]);
  });
});

describe('errors', () => {
  const failing = defineUdf({
    name: 'failing',
    wants: 'stream',
    provides: 'stream',
    point: (point, { timers }) => {
      timers.set('x', { after: '1s' });
      return point;
    },
    timer() {
      throw new Error('no luck');
    },
  });

  test('end the task, with the timer, its group and its time', async () => {
    const run = await runUdf(failing, { groupBy: ['host'] });
    await run.send('cpu,host=a v=1 0');
    await expect(run.send(`cpu,host=a v=1 ${at(2)}`)).rejects.toThrow(
      /no luck.* in timer "x" of group "host=a" at 1000000000/,
    );
  });

  test.each(['drop', 'pass'] as const)(
    'are logged and counted with onError %s; the point is handled',
    async (onError) => {
      const run = await runUdf(failing, { groupBy: ['host'], onError });
      await run.send('cpu,host=a v=1 0');
      expect((await run.send(`cpu,host=a v=1 ${at(2)}`)).points).toHaveLength(1);
      expect(run.stats).toMatchObject({ errors: 1, pointsDropped: 0 });
      expect(run.log.some(({ message }) => message.includes('in timer "x"'))).toBe(true);
    },
  );

  test.each([
    ['a definition without "timer"', { after: '1s' }, 'the definition has no "timer"', false],
    ['a setting without a time', {}, 'one of "at" and "after"', true],
    ['both times', { at: 1n, after: '1s' }, 'one of "at" and "after"', true],
    ['an unknown clock', { after: '1s', clock: 'sun' }, `'event' or 'connection' or 'wall'`, true],
    ['a duration that is none', { after: 'soon' }, '"soon" is not a duration', true],
    ['a time in milliseconds', { at: 1_700_000_000_000 }, 'must be a bigint', true],
  ])('%s is refused', async (_what, when, problem, hasTimer) => {
    const udf = defineUdf({
      name: 'wrong',
      wants: 'stream',
      provides: 'stream',
      point: (_point, { timers }) => {
        timers.set('x', when as never); // a mistake
      },
      ...(hasTimer && { timer: () => undefined }),
    });
    const run = await runUdf(udf);
    await expect(run.send('cpu v=1')).rejects.toThrow(problem);
  });

  test('a timer of the wall clock has no time of points to count from', async () => {
    const udf = defineUdf({
      name: 'wrong',
      wants: 'stream',
      provides: 'stream',
      point: (_point, { timers }) => {
        timers.set('x', { after: '1s', clock: 'wall' });
      },
      timer: (_timer, { timers }) => {
        timers.set('y', { after: '1s' });
      },
    });
    const run = await runUdf(udf);
    await run.send('cpu v=1');
    await expect(run.advance('1s')).rejects.toThrow('give it "at"');
  });

  test('too many timers of one group are refused', async () => {
    const udf = defineUdf({
      name: 'many',
      wants: 'stream',
      provides: 'stream',
      point: ({ time }, { timers }) => {
        timers.set(String(time), { after: '1d', clock: 'wall' });
      },
      timer: () => undefined,
    });
    const run = await runUdf(udf);
    const lines = Array.from({ length: 1001 }, (_, index) => `cpu v=1 ${index}`);
    await expect(run.send(lines.join('\n'))).rejects.toThrow('the group has 1000 timers already');
  });
});

test('an async timer is waited for; points come after it', async () => {
  const udf = defineUdf({
    name: 'async',
    wants: 'stream',
    provides: 'stream',
    state: () => ({ log: [] as string[] }),
    point(point, { state, timers }) {
      timers.set('x', { after: '1s' });
      state.log.push('point');
      return point.replaceFields({ log: state.log.join(' ') });
    },
    async timer(_timer, { state }) {
      await Promise.resolve();
      state.log.push('timer');
    },
  });
  const run = await runUdf(udf);
  const { points } = await run.send(`cpu v=1 0\ncpu v=1 ${at(1)}\ncpu v=1 ${at(1)}`);
  expect(points.at(-1)!.field('log')).toBe('point timer point point');
});

test('stop may create points of groups that have had a timer; timers that it sets never fire', async () => {
  const udf = defineUdf({
    name: 'stopping',
    wants: 'stream',
    provides: 'stream',
    state: () => ({ sum: 0 }),
    point(point, { state, timers }) {
      state.sum += point.number('v')!;
      timers.set('x', { after: '1m', clock: 'wall' });
    },
    timer: () => undefined,
    stop({ state, timers, newPoint }) {
      timers.set('x', { after: '0s', clock: 'wall' });
      return newPoint({ sum: state.sum }, { time: 7n });
    },
  });
  const run = await runUdf(udf, { groupBy: ['host'] });
  await run.send('cpu,host=a v=1\ncpu,host=b v=2');
  const { points } = await run.stop();
  expect(points.map((point) => [point.tag('host'), point.field('sum'), point.time])).toEqual([
    ['a', 1, 7n],
    ['b', 2, 7n],
  ]);
});

test('createPoint works in a timer as anywhere', async () => {
  const udf = defineUdf({
    name: 'creating',
    wants: 'stream',
    provides: 'stream',
    point: (_point, { timers }) => {
      timers.set('x', { after: '1m', clock: 'wall' });
    },
    timer: ({ time }) => createPoint({ name: 'made', time, fields: { v: 1 } }),
  });
  const run = await runUdf(udf);
  await run.send('cpu v=1');
  expect((await run.advance('1m')).points.map(({ name }) => name)).toEqual(['made']);
});

/** A peer whose own time limits are off, as the test moves the clock. */
const unlimited = { keepaliveTimeoutMs: 0, answerTimeoutMs: 365 * 86_400_000 };

describe('with the clock of the system', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'], now: 1_000_000 });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const point = (fields: Readonly<Record<string, string>>, host = 'a') => ({
    ...{ time: 0n, name: 'cpu', group: `host=${host}`, dimensions: ['host'], tags: { host }, fields },
  });

  test('a timer of the wall clock fires although no point comes', async () => {
    const { agent, kapacitor } = kapacitorInMemory(timed, {}, unlimited);
    await kapacitor.init();
    kapacitor.point(point({ name: 'x', after: '10s', clock: 'wall' }));
    kapacitor.point(point({ name: 'far', after: '60d', clock: 'wall' }, 'b'));
    await kapacitor.keepalive();
    vi.advanceTimersByTime(9_999);
    await kapacitor.keepalive();
    expect(kapacitor.points).toEqual([]);
    vi.advanceTimersByTime(1);
    await kapacitor.keepalive();
    expect(kapacitor.points.map(({ fields }) => [fields.name, fields.seconds])).toEqual([['x', 1010]]);
    vi.advanceTimersByTime(60 * 86_400_000);
    await kapacitor.keepalive();
    expect(kapacitor.points).toHaveLength(2);
    await kapacitor.stop();
    await agent.closed;
    expect(vi.getTimerCount()).toBe(0);
  });

  test('one that becomes due while a handler is busy fires after it', async () => {
    let release: () => void = () => undefined;
    const udf = defineUdf({
      name: 'busy',
      wants: 'stream',
      provides: 'stream',
      async point(input, { timers }) {
        timers.set('x', { after: '1s', clock: 'wall' });
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        return input.replaceFields({ from: 'point' });
      },
      timer: (_timer, { newPoint }) => newPoint({ from: 'timer' }),
    });
    const { kapacitor } = kapacitorInMemory(udf, {}, unlimited);
    await kapacitor.init();
    kapacitor.point(point({ v: '' }));
    await kapacitor.keepalive();
    vi.advanceTimersByTime(5_000);
    await kapacitor.keepalive();
    expect(kapacitor.points).toEqual([]);
    release();
    await kapacitor.info();
    expect(kapacitor.points.map(({ fields }) => fields.from)).toEqual(['point', 'timer']);
    await kapacitor.stop();
  });

  test('one that sets itself for a time that has passed lets input be handled in between', async () => {
    const udf = defineUdf({
      name: 'restless',
      wants: 'stream',
      provides: 'stream',
      point(input, { timers }) {
        timers.set('x', { after: '0s', clock: 'wall' });
        return input;
      },
      timer(_timer, { timers, newPoint }) {
        timers.set('x', { after: '0s', clock: 'wall' });
        return newPoint({ from: 'timer' });
      },
    });
    const { kapacitor } = kapacitorInMemory(udf, {}, unlimited);
    await kapacitor.init();
    kapacitor.point(point({ from: 'point' }));
    await kapacitor.info();
    vi.advanceTimersByTime(0);
    await kapacitor.info();
    kapacitor.point(point({ from: 'point' }));
    await kapacitor.info();
    expect(kapacitor.points.map(({ fields }) => fields.from)).toEqual(['point', 'timer', 'point']);
    await kapacitor.stop();
  });

  test('an agent without a clock of its own refuses ticks', async () => {
    const { agent, transport } = agentInMemory(timed);
    transport.output.write(encodeTick({ time: 1n }));
    transport.input.resume();
    transport.output.end();
    await agent.closed;
    expect(agent.failure?.code).toBe('malformed');
  });
});
