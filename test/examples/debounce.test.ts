import { expect, test } from 'vitest';
import debounce from '../../examples/debounce.js';
import { expectPoints } from '../../src/expect/expect.js';
import { runUdf } from '../../src/testkit/run.js';

test('debounce: passes a value that has lasted, with its first point, and no short interruption', async () => {
  const run = await runUdf(debounce, { options: { field: 'state', hold: '10s' }, groupBy: ['host'] });
  await run.send('line,host=a state="up" 1\nline,host=a state="up" 2');
  expect((await run.advance('9s')).points).toEqual([]);
  const up = await run.advance('1s');
  expectPoints(up.points, 'line,host=a state="up" 1');
  await run.send('line,host=a state="down" 3');
  await run.advance('5s');
  await run.send('line,host=a state="up" 4');
  expect((await run.advance('1m')).points).toEqual([]);
  await run.send('line,host=a state="down" 5');
  const down = await run.advance('10s');
  expectPoints(down.points, 'line,host=a state="down" 5');
});
