import { onTestFinished, describe, expect, test } from 'vitest';
import type { PointInit } from '../../../src/model/point.js';
import { isolatedInMemory, isolatedUdfs } from '../../support/isolated.js';
import { tempDir } from '../../support/temp-dir.js';

/** An isolated use of a UDF, `timed` if not given, and a way to send it points of group `host=a`. */
async function timedUse(settings: Parameters<typeof isolatedInMemory>[1] = {}, name = 'timed', options = '') {
  process.env.TIMED_DIR = tempDir();
  onTestFinished(() => {
    delete process.env.TIMED_DIR;
  });
  const udfs = await isolatedUdfs(new URL('modules/timed.mjs', import.meta.url));
  const { agent, kapacitor, log } = isolatedInMemory(udfs.get(name)!, settings);
  await kapacitor.init(options);
  let time = 0n;
  const send = (fields: PointInit['fields'], host = 'a'): void => {
    time++;
    kapacitor.point({
      time,
      name: 'cpu',
      group: `host=${host}`,
      dimensions: ['host'],
      tags: { host },
      fields,
    });
  };
  const emitted = () => kapacitor.points.map(({ fields }) => fields.v ?? fields.name);
  return { agent, kapacitor, log, send, emitted };
}

describe('timers of the wall clock in a worker', () => {
  test('fire although no point comes', async () => {
    const { kapacitor, send, emitted } = await timedUse();
    send({ v: 1, ms: 30n, name: 'x' });
    await kapacitor.received({ points: 2 });
    expect(emitted()).toEqual([1, 'x']);
    await kapacitor.stop();
  });

  test('that have fired before a worker ends are not repeated, and their output is not lost', async () => {
    const { kapacitor, send, emitted, agent } = await timedUse();
    send({ v: 1, ms: 10n, name: 'x' });
    await kapacitor.received({ points: 2 });
    send({ v: 2, do: 'exit', key: 'point' });
    send({ v: 3, ms: 10n, name: 'y' });
    await kapacitor.received({ points: 5 });
    expect(agent.stats.restarts).toEqual({ exit: 1 });
    expect(emitted()).toEqual([1, 'x', 2, 3, 'y']);
    const { points } = await kapacitor.stop();
    expect(points).toHaveLength(5);
    expect(points.at(-1)!.field('fired')).toBe(2);
  });

  test('that are set fire after the worker has ended', async () => {
    const { kapacitor, send, emitted } = await timedUse();
    send({ v: 1, ms: 300n, name: 'x' });
    send({ v: 2, do: 'exit', key: 'point' });
    await kapacitor.received({ points: 3 });
    expect(emitted()).toEqual([1, 2, 'x']);
    await kapacitor.stop();
  });

  test('one that ends its worker once fires in the next one', async () => {
    const { kapacitor, send, emitted } = await timedUse();
    send({ v: 1, ms: 10n, name: 'x', exitTimer: 'exit' });
    await kapacitor.received({ points: 2 });
    expect(emitted()).toEqual([1, 'x']);
    await kapacitor.stop();
  });

  test('one that ends two workers is dropped by the error policy, and those that are due with it fire', async () => {
    const { kapacitor, send, emitted, log, agent } = await timedUse();
    send({ v: 1, ms: 10n, name: 'w' });
    send({ v: 2, ms: 10n, name: 'x', exitTimer: 'exit always' });
    send({ v: 3, ms: 10n, name: 'y' });
    await kapacitor.received({ points: 5 });
    expect(emitted()).toEqual([1, 2, 3, 'w', 'y']);
    expect(agent.stats.restarts).toEqual({ exit: 2 });
    const dropped = /twice in timer "x" of group "host=a" at \d+; dropped/;
    expect(log.filter(({ message }) => dropped.test(message))).toHaveLength(1);
    await kapacitor.stop();
  });

  test('one that never returns is dropped too', async () => {
    const { kapacitor, send, emitted, agent } = await timedUse({ limits: { handlerMs: 300 } });
    send({ v: 1, ms: 10n, name: 'x', exitTimer: 'loop' });
    await kapacitor.received({ points: 1 });
    send({ v: 2, ms: 10n, name: 'y' });
    await kapacitor.received({ points: 3 });
    expect(emitted()).toEqual([1, 2, 'y']);
    expect(agent.stats.restarts).toEqual({ hung: 2 });
    await kapacitor.stop();
  });

  test('one that ends two workers ends the task under the policy stop', async () => {
    const { agent, kapacitor, send } = await timedUse({ onError: 'stop' });
    send({ v: 1, ms: 10n, name: 'x', exitTimer: 'exit always' });
    await expect(kapacitor.received({ points: 2 })).rejects.toThrow(
      'twice in timer "x" of group "host=a" at',
    );
    await agent.closed;
  });
});

describe('a UDF that has timers only with some options', () => {
  test('has them in a worker, whose clock is driven by the input, if one is given', async () => {
    const { kapacitor, send, emitted } = await timedUse({}, 'optional', '.after(30ms)');
    send({ v: 1 });
    await kapacitor.received({ points: 2 });
    expect(kapacitor.points.map(({ fields }) => fields.name)).toEqual(['driven', 'x']);
    expect(emitted()).toEqual([1, 'x']);
    await kapacitor.stop();
  });

  test('has the clock of the system in a worker, and nothing besides its input comes, if none is given', async () => {
    const { kapacitor, send } = await timedUse({}, 'optional');
    send({ v: 1 });
    await kapacitor.received({ points: 1 });
    expect(kapacitor.points.map(({ fields }) => fields.name)).toEqual(['free']);
    await kapacitor.stop();
  });
});
