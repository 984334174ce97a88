import { Readable } from 'node:stream';
import { defineUdf } from 'kapacitor-udf';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { encodeTick } from '../../../src/agent/timers/tick.js';
import { openRecording } from '../../../src/recording/open.js';
import { replay } from '../../../src/replay/replay.js';
import { runUdf } from '../../../src/testkit/run.js';
import { agentInMemory, kapacitorInMemory } from '../../support/connection.js';
import { at, timed } from '../support/timed-udf.js';

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
    time: 0n,
    name: 'cpu',
    group: `host=${host}`,
    dimensions: ['host'],
    tags: { host },
    fields,
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
