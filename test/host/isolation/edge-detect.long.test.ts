import { describe, expect, onTestFinished, test } from 'vitest';
import type { Fields } from '../../../src/model/values.js';
import { isolatedInMemory, isolatedUdfs } from '../../support/isolated.js';
import { tempDir } from '../../support/temp-dir.js';

/** An isolated use of `edgeDetect` whose worker ends at the first point with each name in the field `die`. */
async function use(options: string) {
  process.env.TIMED_DIR = tempDir();
  onTestFinished(() => {
    delete process.env.TIMED_DIR;
  });
  const udfs = await isolatedUdfs(new URL('modules/mortal-edges.mjs', import.meta.url));
  const { agent, kapacitor } = isolatedInMemory(udfs.get('mortalEdges')!);
  await kapacitor.init(`.field('value')${options}`);
  let time = 0n;
  const send = (fields: Fields): void => {
    time++;
    kapacitor.point({ time, name: 'm', group: 'host=a', dimensions: ['host'], tags: { host: 'a' }, fields });
  };
  return { agent, kapacitor, send };
}

describe('edgeDetect by the clock, in a worker', () => {
  test('accepts a state that held although the worker has ended meanwhile', async () => {
    const { agent, kapacitor, send } = await use(".hold(300ms).clock('wall')");
    send({ value: 'A' });
    send({ value: 'B' });
    send({ value: 'B', die: 'once' });
    await kapacitor.received({ points: 2 });
    expect(kapacitor.points.map(({ time, fields }) => [time, fields.value])).toEqual([
      [1n, 'A'],
      [2n, 'B'],
    ]);
    expect(agent.stats.restarts).toEqual({ exit: 1 });
    await kapacitor.stop();
  });

  test('tells of silence once, and of the return that ended a worker', async () => {
    const { agent, kapacitor, send } = await use(".silentAfter(100ms).clock('wall')");
    send({ value: 'A' });
    await kapacitor.received({ points: 2 });
    send({ value: 'A', die: 'once' });
    await kapacitor.received({ points: 4 });
    expect(kapacitor.points.map(({ fields }) => fields.silent)).toEqual([false, true, false, true]);
    expect(agent.stats.restarts).toEqual({ exit: 1 });
    await kapacitor.stop();
  });

  test('counts all time of an interval to the states of a group, over the end of a worker', async () => {
    const { kapacitor, send } = await use(".totalsEvery(1s).unit(1ms).clock('wall').emitFirst(FALSE)");
    send({ value: 'A' });
    send({ value: 'A', die: 'once' });
    await kapacitor.received({ points: 2 }); // part of one interval, and a whole one
    const [part, whole] = kapacitor.points;
    expect(part!.field('total')).toBeGreaterThan(0);
    expect(whole!.field('total')).toBe(1000);
    expect(whole!.time - part!.time).toBe(1_000_000_000n);
    await kapacitor.stop();
  });
});
