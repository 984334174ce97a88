import { defineUdf } from 'kapacitor-udf';
import { describe, expect, test } from 'vitest';
import { runUdf } from '../../../src/testkit/run.js';
import { at } from '../support/timed-udf.js';

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
    ['a time in milliseconds', { at: 1_700_000_000_000 }, 'its time must be nanoseconds as a bigint', true],
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
