import { describe, it } from 'vitest';
import { adslChanges, adslLines } from './support/adsl.js';
import { values } from './support/lines.js';
import { needs } from './support/servers.js';
import { useStack } from './support/stack.js';
import { show, startTask } from './support/test-task.js';
import { eventually } from './support/until.js';

const { missing, title } = needs('A UDF as a child process of a real Kapacitor', ['KAPACITORD']);

describe.skipIf(missing)(title, () => {
  const stack = useStack({ processes: ['edgeDetect', 'movingAverage'] });
  const run = (script: string) => startTask(stack.kapacitor, { script });

  it('does what it does on a socket', async () => {
    const task = await run(
      `stream|from().measurement('adsl_connection').groupBy('host')
      @edgeDetect().field('value')
      ${show('out')}`,
    );
    await task.write(adslLines);
    await eventually(() => task.rows('out')).toEqual(adslChanges);
  });

  it('is one process a use', async () => {
    const task = await run(
      `stream|from().measurement('margin').groupBy('host')
      @movingAverage().field('value').size(2).as('once').keep(TRUE)
      @movingAverage().field('once').size(2).as('twice').keep(TRUE)
      ${show('out')}`,
    );
    await task.write(values('margin,host=a', [0, 4, 8]));
    await eventually(() => task.columns('out', 'once', 'twice')).toEqual([
      [0, 0],
      [2, 1],
      [6, 4],
    ]);
  });

  it('shows what is wrong with its options in the error of the task', async () => {
    const task = await run(`stream|from().measurement('m')@movingAverage().field('value')`);
    await eventually(async () => (await task.state()).error).toMatch(
      /movingAverage: one of \.size\(\) or \.period\(\) is required/,
    );
  });

  it('writes its log into that of Kapacitor', async () => {
    const task = await run(`stream|from().measurement('m')@edgeDetect().field('value')|httpOut('out')`);
    await eventually(() => stack.kapacitord.daemon.log).toMatch(
      new RegExp(`UDF log.* task=${task.id} .*task started`),
    );
  });
});
