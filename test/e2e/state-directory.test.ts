import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resetStates, showStates } from '../../src/host/state/inspect-states.js';
import { epoch, values } from './support/lines.js';
import { needs } from './support/servers.js';
import { showLogsOnFailure, Stack } from './support/stack.js';
import { newTask, show, type TestTask } from './support/test-task.js';
import { eventually, until } from './support/until.js';

const { missing, title } = needs('A state directory beside a real Kapacitor', ['KAPACITORD']);

describe.skipIf(missing)(title, () => {
  let stack: Stack;

  beforeEach(() => {
    stack = new Stack();
  });
  afterEach(() => stack.stop(), 30_000);
  showLogsOnFailure(() => stack);

  const directory = (): string => join(stack.folder, 'state');
  const startAgent = (): Promise<void> =>
    stack.agent.start(undefined, ['--state-dir', directory(), '--state-interval', '20ms']);
  const later = { from: epoch + 3_600_000_000_000n };

  /** A task that averages over three points, and has had 3, 6 and 20, which are stored. */
  const averaged = async (snapshotInterval: string): Promise<TestTask> => {
    await stack.prepare({ snapshotInterval });
    await startAgent();
    await stack.kapacitord.start();
    const task = await newTask(stack.kapacitor, {
      script: `stream|from().measurement('margin').groupBy('host')
        @movingAverage().field('value').size(3)${show('averages')}`,
    });
    await task.write(values('margin,host=a', [3, 6, 20]));
    await eventually(() => task.columns('averages', 'avg')).toHaveLength(3);
    await eventually(async () => {
      const [found] = await showStates(directory(), {}, { maxGroups: 1 });
      return (found?.shown[0]?.state as { readonly count: number } | undefined)?.count;
    }).toBe(3);
    return task;
  };

  it.each([
    ['stopped', () => stack.agent.stop()],
    ['killed', () => stack.agent.daemon.kill()],
  ])('a task goes on without a snapshot of Kapacitor after the agent was %s', async (_how, end) => {
    const task = await averaged('1h');
    await end();
    await startAgent();
    await task.restart();
    await task.write(values('margin,host=a', [40], later));
    await eventually(() => task.columns('averages', 'avg')).toEqual([[22]]);
  });

  it('after a reset a task starts afresh, although Kapacitor restores its snapshot', async () => {
    const task = await averaged('200ms');
    const written = (): number => statSync(join(stack.folder, 'kapacitor', 'kapacitor.db')).mtimeMs;
    for (let stores = 0; stores < 2; stores++) {
      const before = written();
      await until('Kapacitor stores a snapshot', () => written() > before);
    }
    await stack.agent.stop();
    expect((await resetStates(directory(), { udf: 'movingAverage' })).reset).toHaveLength(1);
    await startAgent();
    await task.restart();
    await task.write(values('margin,host=a', [40], later));
    await eventually(() => task.columns('averages', 'avg')).toEqual([[40]]);
  });
});
