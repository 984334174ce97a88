import { expect, test } from 'vitest';
import deadman from '../../examples/deadman.js';
import { expectPoints } from '../../src/expect/expect.js';
import { runUdf } from '../../src/testkit/run.js';

test('deadman: tells of silence by the clock, once, and of the return', async () => {
  const run = await runUdf(deadman, { options: { after: '5m' }, groupBy: ['host'] });
  await run.send('cpu,host=a usage=1 0\ncpu,host=b usage=1 0');
  expect((await run.advance('4m')).points).toEqual([]);
  await run.send('cpu,host=b usage=2 240000000000');
  const silent = await run.advance('1m');
  expectPoints(silent.points, 'cpu,host=a alive=false 300000000000');
  expect((await run.advance('3m')).points).toEqual([]);
  const back = await run.send('cpu,host=a usage=3 480000000000');
  expectPoints(back.points, 'cpu,host=a alive=true 480000000000');
});

test('deadman: also after a restart of the task', async () => {
  const run = await runUdf(deadman, { options: { after: '5m' }, groupBy: ['host'] });
  await run.send('cpu,host=a usage=1 0');
  const again = await run.restart();
  const { points } = await again.advance('5m');
  expectPoints(points, 'cpu,host=a alive=false 300000000000');
});
