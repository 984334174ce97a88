import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { epoch, series, values } from './support/lines.js';
import { needs } from './support/servers.js';
import { showLogsOnFailure, Stack } from './support/stack.js';
import { newTask, show, type TestTask } from './support/test-task.js';
import { eventually, until } from './support/until.js';

const { missing, title } = needs('Around restarts of a real Kapacitor and of the agent', ['KAPACITORD']);

describe.skipIf(missing)(title, () => {
  let stack: Stack;

  beforeEach(async () => {
    stack = new Stack();
    await stack.prepare({ snapshotInterval: '200ms' });
  });
  afterEach(() => stack.stop(), 30_000);
  showLogsOnFailure(() => stack);

  /** Waits until Kapacitor has stored a snapshot that it asked for after now: the second one from now on. */
  const snapshotStored = async (): Promise<void> => {
    const written = (): number => statSync(join(stack.folder, 'kapacitor', 'kapacitor.db')).mtimeMs;
    for (let stores = 0; stores < 2; stores++) {
      const before = written();
      await until('Kapacitor stores a snapshot', () => written() > before);
    }
  };

  const later = { from: epoch + 3_600_000_000_000n };

  /** Averages over three points, and changes of what is high and low. */
  const stateful = (): Promise<TestTask> =>
    newTask(stack.kapacitor, {
      script: `var all = stream|from().measurement('margin').groupBy('host')
        all@movingAverage().field('value').size(3)${show('averages')}
        all@edgeDetect().field('value').above(10.0).emitFirst(FALSE).previousAs('was').countAs('points')${show('edges')}`,
    });

  it('Kapacitor waits for the sockets, and starts once the agent listens where its configuration says', async () => {
    stack.kapacitord.launch();
    await until('Kapacitor asks for its UDFs', () =>
      /opening service.*udf\.Service/.test(stack.kapacitord.daemon.log),
    );
    await expect(stack.kapacitor.ping()).rejects.toThrow('no answer from Kapacitor');
    await stack.agent.start(stack.kapacitord.configFile);
    await stack.kapacitord.ready();
    const task = await stateful();
    await task.write(values('margin,host=a', [1]));
    await eventually(() => task.columns('averages', 'avg')).toEqual([[1]]);
  });

  it.each([
    ['stopped', () => stack.kapacitord.stop()],
    ['killed', () => stack.kapacitord.daemon.kill()],
  ])('a task goes on with the state of its last snapshot after Kapacitor was %s', async (_how, end) => {
    await stack.agent.start();
    await stack.kapacitord.start();
    const task = await stateful();
    await task.write(values('margin,host=a', [3, 6, 20]));
    await eventually(() => task.columns('edges', 'value', 'points')).toEqual([[20, 2]]);
    await snapshotStored();
    await end();
    await stack.kapacitord.start();
    await task.write(values('margin,host=a', [40, 0], later));
    await eventually(() => task.columns('averages', 'avg')).toEqual([[22], [20]]);
    await eventually(() => task.columns('edges', 'value', 'was', 'points')).toEqual([[0, 'high', 2]]);
  });

  it.each([
    ['stopped', () => stack.agent.stop()],
    ['killed', () => stack.agent.daemon.kill()],
  ])(
    'a task ends with an error when the agent is %s, and goes on with its state when started again',
    async (_how, end) => {
      await stack.agent.start();
      await stack.kapacitord.start();
      const task = await stateful();
      await task.write(values('margin,host=a', [3, 6, 20]));
      await eventually(() => task.columns('averages', 'avg')).toHaveLength(3);
      await snapshotStored();
      await end();
      await eventually(async () => {
        await task.write(series('margin,host=b', ['value=1'])); // Kapacitor notices when it has a point for the UDF
        return (await task.state()).error;
      }).toMatch(/write error: .*broken pipe/);
      await stack.agent.start();
      await task.restart();
      await task.write(values('margin,host=a', [40], later));
      await eventually(() => task.columns('averages', 'avg')).toEqual([[22]]);
      expect(await task.state()).toMatchObject({ executing: true, error: '' });
    },
  );
});
