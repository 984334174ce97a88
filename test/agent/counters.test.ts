import { defineUdf } from 'kapacitor-udf';
import { expect, test } from 'vitest';
import { Counters } from '../../src/agent/counters.js';
import { noStats, sumOfStats } from '../../src/model/statistics.js';
import { runUdf } from '../../src/testkit/run.js';

test('a counter may have any name, those of what every object has too', () => {
  const counters = new Counters();
  for (const name of ['late', 'constructor', '__proto__', 'late']) counters.count(name, 1);
  const one = { ...noStats, counters: counters.counters };
  const { counters: both } = sumOfStats(sumOfStats(noStats, one), one);
  expect(Object.entries(both)).toEqual([
    ['late', 4],
    ['constructor', 2],
    ['__proto__', 2],
  ]);
});

test.each([NaN, Infinity, 0.5])(
  'a counter takes whole numbers, not %d: telemetry could not write it',
  async (by) => {
    const counting = defineUdf({
      name: 'counting',
      wants: 'stream',
      provides: 'stream',
      point: (_point, { count }) => {
        count('some', by);
      },
    });
    const run = await runUdf(counting);
    await expect(run.send('cpu v=1 1')).rejects.toThrow(`count("some") takes a whole number, got ${by}`);
  },
);
